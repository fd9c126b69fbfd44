"""What a team does with the project: git, DVC experiments, a remote, `mlflow run`, and the way back from a version."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from modules import ROOT

from src.config import changed

SMALL = {
    "data.source": "drawn", "data.drawn_images": 280, "teacher": None, "model.architecture": "resnet",
    "model.width": 0.25, "train.epochs": 1, "train.warmup_epochs": 0, "train.average_decay": None,
    "train.optimizer": "sgd", "baseline.components": 8, "baseline.neighbours": 3,
}  # fmt: skip
FILES = ("dvc.yaml", "MLproject", "python_env.yaml", "requirements.txt", ".gitignore", ".dvcignore", ".dvc/.gitignore",
         ".dvc/config")  # fmt: skip
PERSON = {f"GIT_{role}_{what}": "Ada" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def call(folder: Path, *words: str, **variables: str) -> str:
    """Run a command there to its good end and give what it printed; `python`, `dvc` and `mlflow` are this Python's."""
    if words[0] in ("dvc", "mlflow"):
        words = (sys.executable, "-m", *words)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | PERSON | {"PATH": path} | variables
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def store(folder: Path) -> mlflow.MlflowClient:
    uri = f"sqlite:///{folder}/mlflow.db"
    return mlflow.MlflowClient(uri, uri)


def runs(folder: Path, experiment: str = "fer-emotion-drawn") -> list[mlflow.entities.Run]:
    found = store(folder).get_experiment_by_name(experiment)
    assert found, experiment
    return store(folder).search_runs([found.experiment_id])


def results(run: mlflow.entities.Run) -> dict[str, float]:
    """Give a run's metrics without those of the machine, `system/...`, which only a long training leaves."""
    return {name: value for name, value in run.data.metrics.items() if not name.startswith("system/")}


def artifacts(folder: Path, run: str, path: str) -> set[str]:
    return {item.path for item in store(folder).list_artifacts(run, path)}


def trained(folder: Path) -> dict:
    return json.loads((folder / "models/run.json").read_text())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a git repository of its own with a finished pipeline, committed and pushed to a remote that is a folder."""
    folder = tmp_path_factory.mktemp("team") / "project"
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".dvc").mkdir()
    for name in FILES:
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "params.yaml").write_text(changed((ROOT / "params.yaml").read_text(), SMALL))
    call(folder, "git", "init", "-q", "-b", "main")
    call(folder, "dvc", "remote", "add", "-d", "shared", str(folder.parent / "remote"))
    call(folder, "git", "add", ".")
    call(folder, "git", "commit", "-qm", "code")
    call(folder, "dvc", "repro")
    assert "Running stage" not in call(folder, "dvc", "repro"), "nothing has changed"
    call(folder, "git", "add", ".")
    call(folder, "git", "commit", "-qm", "results")
    call(folder, "dvc", "push")
    return folder


def test_a_run_says_which_code_data_machine_and_packages_made_it(project: Path):
    (run,) = runs(project)
    tags = run.data.tags
    assert run.info.run_name == "resnet-3-official", "nothing differs from the committed params.yaml"
    assert tags["mlflow.source.git.commit"] == call(project, "git", "rev-parse", "HEAD~1").strip()
    assert tags["git.dirty"] == "false"
    assert {"mlflow.user", "machine", "platform", "version.keras"} <= set(tags)
    lock = (project / "dvc.lock").read_text()
    assert tags["md5.model.keras"] in lock
    assert tags["md5.test.npz"] in lock
    assert artifacts(project, run.info.run_id, "lineage") == {
        "lineage/changes.diff", "lineage/dvc.lock", "lineage/packages.txt", "lineage/params.yaml",
    }  # fmt: skip
    assert {"reports/index.html", "reports/data"} <= artifacts(project, run.info.run_id, "reports")
    groups = {name.split("/")[0] for name in results(run)}
    assert groups == {"train", "val", "test", "test_keras", "robustness", "mobile"}
    assert run.data.metrics["val/best_epoch"] == 1
    assert "on test** (" in tags["mlflow.note.content"]
    experiment = store(project).get_experiment(run.info.experiment_id)
    assert "Faces drawn by code" in experiment.tags["mlflow.note.content"]


def test_a_teammate_who_pulls_only_registers_and_finds_everything_in_a_store_of_their_own(project: Path):
    clone = project.parent / "clone"
    call(project.parent, "git", "clone", "-q", str(project), str(clone))
    call(clone, "dvc", "pull")
    said = call(clone, "dvc", "repro")
    assert re.findall(r"Running stage '(\w+)'", said) == ["register"]
    (theirs,), (ours,) = runs(clone), runs(project)
    assert results(theirs) == results(ours)
    assert theirs.data.params == ours.data.params
    assert theirs.data.tags["origin_run_id"] == ours.info.run_id
    assert theirs.info.status == "FINISHED"
    for place in ("lineage", "mobile", "reports", "reports/figures", "reports/data/figures"):
        assert artifacts(clone, theirs.info.run_id, place) == artifacts(project, ours.info.run_id, place) != set()
    version = store(clone).get_model_version_by_alias("fer-emotion-drawn", "candidate")
    assert version.run_id == theirs.info.run_id


def test_the_commands_in_a_version_bring_anyone_to_the_state_that_made_it(project: Path):
    version = store(project).get_model_version_by_alias("fer-emotion-drawn", "candidate")
    made_by = version.tags["git_commit"], version.tags["git_dirty"]
    assert made_by == (call(project, "git", "rev-parse", "HEAD~1").strip(), "false")
    (commands,) = re.findall(r"```bash\n(.*?)```", version.description or "", re.DOTALL)
    other = project.parent / "other"
    call(project.parent, "git", "clone", "-q", str(project), str(other))
    (other / "params.yaml").write_text((other / "params.yaml").read_text().replace("seed: 42", "seed: 43"))
    call(other, "git", "commit", "-qam", "another seed")
    call(other, "bash", "-ec", commands, MLFLOW_TRACKING_URI=f"sqlite:///{project}/mlflow.db")
    for name in ("models/model.keras", "models/mobile/int8.tflite", "data/processed/test.npz", "params.yaml"):
        assert (other / name).read_bytes() == (project / name).read_bytes()
    assert "Running stage" not in call(other, "dvc", "repro", "evaluate")


@pytest.fixture(scope="module")
def wider(project: Path) -> str:
    """Give the name of an experiment of that project, in whose workspace it is no more."""
    call(project, "dvc", "exp", "run", "-n", "wider", "-S", "model.width=0.3", "train")
    assert trained(project)["name"] == "wider: resnet-3-official, width 0.3"
    assert "model.width" in call(project, "dvc", "params", "diff")
    call(project, "git", "checkout", "-q", ".")
    call(project, "dvc", "checkout", "-q")
    return "wider"


def test_an_experiment_and_its_run_carry_each_others_names(project: Path, wider: str):
    (run,) = [run for run in runs(project) if run.data.tags.get("dvc.experiment") == wider]
    assert run.info.run_name == "wider: resnet-3-official, width 0.3"
    assert run.data.tags["git.dirty"] == "true"
    changes = store(project).download_artifacts(run.info.run_id, "lineage/changes.diff", str(project.parent))
    assert "+  width: 0.3" in Path(changes).read_text()
    shown = json.loads(call(project, "dvc", "exp", "show", "--json"))
    names = [each["name"] for baseline in shown for each in baseline["experiments"] or ()]
    assert wider in names


def test_a_queued_experiment_that_runs_in_a_copy_reports_to_the_store_of_the_project(project: Path):
    call(project, "dvc", "exp", "run", "--queue", "-n", "slower", "-S", "train.learning_rate=0.001", "train")
    call(project, "dvc", "exp", "run", "--run-all")
    (run,) = [run for run in runs(project) if run.data.tags.get("dvc.experiment") == "slower"]
    assert run.info.run_name == "slower: resnet-3-official, learning_rate 0.001"
    assert run.info.status == "FINISHED"
    assert "slower" in call(project, "dvc", "exp", "list", "--name-only")
    assert trained(project)["name"] == "resnet-3-official", "the workspace is as it was"


def test_dvc_compares_metrics_and_draws_plots_that_need_no_network(project: Path, wider: str):
    differing = call(project, "dvc", "metrics", "diff", "--all", "HEAD", wider)
    assert {"test.accuracy", "test.calibration_error"} <= set(differing.split())
    call(project, "dvc", "plots", "diff", "HEAD", wider)
    page = (project / "dvc_plots/index.html").read_text()
    assert "accuracy by epoch" in page
    assert "mean_faces" in page
    assert not re.search(r'<(script|link)[^>]+(src|href)="(https?:)?//', page)
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser:
        offline = ("--headless", "--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=4000")
        drawn = call(project, browser, *offline, "--dump-dom", (project / "dvc_plots/index.html").as_uri())
        assert drawn.count('class="marks"') == 6, "vega has drawn every plot"


def test_mlflow_run_reruns_the_pipeline_and_points_to_the_run_that_is_reused(project: Path):
    call(project, "mlflow", "run", ".", "--env-manager", "local", "--experiment-name", "mine")
    (opened,) = runs(project, "mine")
    assert opened.data.tags["reuses_run"] == trained(project)["run_id"]
    assert opened.info.run_name == "reuses resnet-3-official"
    assert opened.info.status == "FINISHED"


def test_mlflow_run_of_a_stage_trains_in_the_run_that_it_opened(project: Path):
    words = ("mlflow", "run", ".", "--env-manager", "local", "--experiment-name", "tried", "-e", "train")
    call(project, *words, "-P", "learning_rate=0.002")
    (run,) = runs(project, "tried")
    assert run.info.status == "FINISHED"
    assert run.data.params["train.learning_rate"] == "0.002"
    assert run.info.run_name == "resnet-3-official, learning_rate 0.002"
    assert run.data.metrics["train/loss"] > 0
    assert trained(project)["run_id"] == run.info.run_id
