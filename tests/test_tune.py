"""`python -m src.tune` as people run it: real trainings, in processes of their own, stopped and killed."""

import json
import signal
import subprocess
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import environment
import psutil
import pytest
from parameters import PARAMS
from processes import query, wait_until

from src import cli, paths, tune
from src.config import changed, flat, parse_yaml
from src.fer2013 import EMOTIONS
from src.network.architectures import build
from src.params import TeacherParams
from src.tracking.description import Description

SLOW, NAN = 0.0003, 1e30
"""Learning rates: at the first, sgd all but stands still, and adam learns."""
SMALL: dict[str, dict[str, Any]] = {
    "data": {"drawn_images": 700, "emotions": ["happy", "surprise"]},
    "model": {"width": 0.25, "dropout": 0.0},
    "train": {
        "epochs": 4,
        "batch_size": 16,
        "optimizer": "sgd",
        "growth": None,
        "learning_rate": SLOW,
        "warmup_epochs": 0,
        "average_decay": None,
        "augmentation": None,
        "weight_decay": 0.0,
        "precision": "float32",
    },
}

Make = Callable[..., Path]
Start = Callable[..., subprocess.Popen]


@pytest.fixture
def make(make_workspace: Make) -> Make:
    """Give a function that makes a workspace of easy faces whose learning rate is `SLOW`."""

    def make(**tune: object) -> Path:
        workspace = make_workspace("workspace", **SMALL, tune=tune)
        (workspace / "data/processed/test.npz").unlink()  # nothing that chooses may look at it
        return workspace

    return make


def runs(workspace: Path) -> dict[str, tuple[str, str | None]]:
    """Give the status and the tag `end` of every run of a search by its name."""
    sql = """SELECT name, status, (SELECT value FROM tags WHERE run_uuid = runs.run_uuid AND key = 'end')
        FROM runs"""
    return {name: (status, end) for name, status, end in query(workspace, sql)}


def epochs(workspace: Path, name: str) -> int:
    sql = f"SELECT step FROM metrics JOIN runs USING (run_uuid) WHERE key = 'val/accuracy' AND name = '{name}'"
    return len(query(workspace, sql))


def finish(workspace: Path, capsys: pytest.CaptureFixture, *options: str) -> str:
    """Search to the end, here, where TensorFlow is loaded already, and give what it printed."""
    with chdir(workspace), cli.hushed():
        tune.main([*options])
    environment.forget()
    return "".join(capsys.readouterr())


def give_teacher(workspace: Path) -> None:
    """Give a teacher that knows nothing yet, and let the workspace's model learn from it."""
    values = parse_yaml(PARAMS)["teacher"] | {"members": 1}
    values["model"] |= {"architecture": "resnet", "width": 0.25}
    values["train"] |= {"growth": None}
    path = workspace / "params.yaml"
    path.write_text(changed(path.read_text(), {"teacher": values, "train.pretrained": False}))
    teacher = TeacherParams.model_validate(values)
    folder = workspace / paths.teacher(0)
    folder.mkdir(parents=True)
    build(teacher.model, len(EMOTIONS)).save(folder / "model.keras")
    digest = json.loads((workspace / paths.PROCESSED_TEACHER / "splits.json").read_text())["digest"]
    made = flat("model", teacher.model) | flat("train", teacher.train)
    run = Description("e", "teacher", made, {"data_digest": digest}, {}, {}, "s", "", {})
    paths.write_json(folder / "run.json", {"run_id": "of the teacher", **run._asdict()})


def kill_its_worker(process: subprocess.Popen) -> None:
    (worker,) = [child for child in psutil.Process(process.pid).children() if "spawn_main" in str(child.cmdline())]
    worker.kill()


def test_a_search_that_was_stopped_and_killed_goes_on_in_the_same_budget(
    make: Make, start_stage: Start, capsys: pytest.CaptureFixture
):
    space = {"model.dropout": {"type": "float", "low": 0.0, "high": 0.5}}
    workspace = make(n_trials=2, epochs=3, train_share=0.5, pruner="none", space=space)
    give_teacher(workspace)
    options = ("--name", "one")

    stopped = start_stage(workspace, "tune", *options)
    wait_until(lambda: epochs(workspace, "trial 0") == 1, stopped, workspace)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait() == 143
    assert runs(workspace) == {"one": ("KILLED", None), "trial 0": ("KILLED", "killed")}

    killed = start_stage(workspace, "tune", *options)
    wait_until(lambda: epochs(workspace, "trial 1") == 1, killed, workspace)
    kill_its_worker(killed)
    wait_until(lambda: epochs(workspace, "trial 3") == 1, killed, workspace)
    processes = psutil.Process(killed.pid).children()
    killed.kill()
    killed.wait()
    assert psutil.wait_procs(processes, timeout=20)[1] == []
    assert runs(workspace)["trial 3"] == ("RUNNING", None)

    printed = finish(workspace, capsys, *options)
    assert "study one: 2 trials, 2 complete" in printed
    assert "Traceback" not in printed + (workspace / "log.txt").read_text()
    assert runs(workspace) == {
        "one": ("FINISHED", None),
        "trial 0": ("KILLED", "killed"),
        "trial 1": ("KILLED", "killed"),
        "trial 2": ("FINISHED", "complete"),
        "trial 3": ("KILLED", "killed"),
        "trial 4": ("FINISHED", "complete"),
    }
    assert epochs(workspace, "trial 2") == epochs(workspace, "trial 4") == 3
    ((settings,),) = query(workspace, "SELECT value_json FROM study_user_attributes WHERE key = 'settings'", "tune.db")
    assert {"backend": "tensorflow", "precision": "float32"}.items() <= json.loads(settings).items()
    kept = [path for path in workspace.glob("mlartifacts/*/artifacts/**/*") if path.is_file()]
    artifacts = {path.name for path in kept}
    figures = {"history.png", "importances.png", "parallel_coordinate.png", "slice.png", "intermediate_values.png"}
    assert artifacts == {"trials.csv", "changes.diff", "packages.txt"} | figures


def test_two_workers_find_the_only_optimizer_that_learns_and_apply_it(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    space = {
        "train.optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
        "train.learning_rate": {"type": "categorical", "choices": [SLOW, NAN]},
    }
    workspace = make(n_trials=3, epochs=4, train_share=1.0, sampler="random", pruner="none", seed=6, space=space)
    monkeypatch.chdir(workspace)
    fixed = {"train.epochs": 5, "train.batch_size": 4}
    before = changed(paths.PARAMS.read_text(), fixed)
    paths.PARAMS.write_text(before)

    printed = finish(workspace, capsys, "--workers", "2", "--apply")
    sql = "SELECT number, state, param_name, param_value FROM trials JOIN trial_params USING (trial_id)"
    trials = query(workspace, sql, "tune.db")
    optimizers = {number: ("sgd", "adam")[int(value)] for number, _, name, value in trials if "optimizer" in name}
    assert optimizers == {0: "sgd", 1: "adam", 2: "adam"}
    assert {number: state for number, state, name, value in trials if "rate" in name and value == 1} == {1: "FAIL"}
    assert "FloatingPointError: loss became nan" in printed
    assert f"try it: dvc exp run -S train.optimizer=adam -S train.learning_rate={SLOW}" in printed

    after = paths.PARAMS.read_text()
    assert after == before.replace("optimizer: sgd ", "optimizer: adam", 1)  # its comment stays in its column
    assert after != before
    full = {name: end for name, (_, end) in runs(workspace).items() if "in full" in name}
    assert set(full.values()) == {"complete"}
    assert [epochs(workspace, name) for name in full] == [5, 5]

    with pytest.raises(ValueError, match=r"today's params\.yaml is the best that was found"):
        tune.main(["--apply"])
    assert paths.PARAMS.read_text() == after
