import hashlib
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from parameters import PARAMS

from src.config import changed, flat, parse_yaml, read_params
from src.params import TeacherParams, TrainParams
from src.tracking import lineage, machine
from src.tracking.description import Description, way_back


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True)


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "all")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a workspace, as the current folder, with a model and a folder of variants that its dvc.lock tells of."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS)
    Path("models/mobile").mkdir(parents=True)
    Path("models/model.keras").write_bytes(b"weights")
    Path("models/mobile/a.tflite").write_bytes(b"a")
    model = hashlib.md5(b"weights").hexdigest()
    # As `dvc repro` wrote it for a folder with this one file.
    folder = hashlib.md5(f'[{{"md5": "{hashlib.md5(b"a").hexdigest()}", "relpath": "a.tflite"}}]'.encode()).hexdigest()
    Path("dvc.lock").write_text(
        "stages:\n  train:\n    outs:\n"
        f"    - path: models/model.keras\n      md5: {model}\n    - path: models/mobile\n      md5: {folder}.dir\n"
    )
    return tmp_path


def test_the_lock_speaks_for_the_files_that_it_names(workspace: Path) -> None:
    tags = lineage.data_tags()
    assert set(tags) == {"md5.model.keras", "md5.mobile"}
    assert tags["md5.mobile"].endswith(".dir")
    assert [path.name for path in lineage.files({}, workspace / "models")] == ["params.yaml", "dvc.lock"]


@pytest.mark.parametrize("path", ["models/model.keras", "models/mobile/a.tflite"])
def test_the_lock_is_left_out_where_a_file_is_another_than_it_names(workspace: Path, path: str) -> None:
    Path(path).write_bytes(b"made by hand")
    assert lineage.data_tags() == {}
    assert [found.name for found in lineage.files({}, workspace / "models")] == ["params.yaml"]


@pytest.mark.parametrize("content", ["", "schema: '2.0'\n"])
def test_a_lock_that_names_nothing_speaks_for_nothing(workspace: Path, content: str) -> None:
    Path("dvc.lock").write_text(content)
    assert lineage.data_tags() == {}


def test_the_params_that_are_kept_are_those_of_the_run(workspace: Path) -> None:
    original = Path("params.yaml").read_text()
    own = flat("train", read_params(TrainParams))
    kept, _ = lineage.files(own, workspace / "models")
    assert kept.read_text() == original
    own = {key: value for key, value in own.items() if not key.startswith("train.growth")}
    own |= {"train.learning_rate": 0.25, "train.augmentation.zoom": 0.5, "train.growth": None}
    kept, _ = lineage.files(own, workspace / "models")
    own |= {"train.augmentation": parse_yaml(original)["train"]["augmentation"] | {"zoom": 0.5}}
    expected = {key: own[key] for key in ("train.learning_rate", "train.augmentation", "train.growth")}
    assert parse_yaml(kept.read_text()) == parse_yaml(changed(original, expected))


def test_the_way_back_takes_the_lock_only_where_there_is_one() -> None:
    tags = {"data_digest": "d" * 64, "backend": "tensorflow", "precision": "float32"}
    description = Description("e", "resnet", {}, tags, {}, {}, "s", "", {})
    code = lineage.Code("abc", "")
    assert "git checkout abc\n" in (by_dvc := way_back("r", "model-1/evidence/lineage", description, code, locked=True))
    assert "cp lineage/dvc.lock ." in by_dvc
    by_hand = way_back("r", "model-1/evidence/lineage", description, code, locked=False)
    assert "dvc.lock" not in by_hand
    assert "cp lineage/params.yaml .\ndvc repro" in by_hand
    by_jax = description._replace(tags=tags | {"backend": "jax"})
    assert "&& KERAS_BACKEND=jax dvc repro -s train && dvc repro\n" in way_back(
        "r", "model-1/evidence/lineage", by_jax, code, locked=False
    )


def test_a_training_never_goes_on_under_another_teacher() -> None:
    tags = {"backend": "tensorflow", "precision": "float32", "teacher": "one"}
    one = Description("e", "resnet", {}, tags, {}, {}, "s", "", {})
    assert one.identity() == one._replace(name="another", lineage={"machine": "another"}).identity()
    assert one.identity() != one._replace(tags=tags | {"teacher": "another"}).identity()
    assert one.identity() != one._replace(packages={"tensorflow": "0"}).identity()
    assert one.identity() == one._replace(packages={"jax": "0"}).identity()


def test_changes_of_text_and_of_a_model_can_be_applied_to_the_commit_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed_files = {"params.yaml": (b"a: 1\n", b"a: 2\n"), "emotion.tflite": (b"\0\1", b"\0\2")}
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "diff.noprefix", "true")
    for name, (before, _) in changed_files.items():
        (tmp_path / name).write_bytes(before)
    commit(tmp_path)
    for name, (_, after) in changed_files.items():
        (tmp_path / name).write_bytes(after)
    monkeypatch.setattr(lineage, "SOURCE_ROOT", tmp_path)
    kept = lineage.changes()
    git(tmp_path, "checkout", "--quiet", ".")
    (tmp_path / "changes.diff").write_text(kept)
    git(tmp_path, "config", "--unset", "diff.noprefix")
    git(tmp_path, "apply", "changes.diff")
    for name, (_, after) in changed_files.items():
        assert (tmp_path / name).read_bytes() == after


def test_code_that_git_does_not_know_yet_can_be_brought_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "SOURCE_ROOT", tmp_path)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "status.showUntrackedFiles", "no")
    (tmp_path / "params.yaml").write_text("a: 1\n")
    commit(tmp_path)
    new = tmp_path / "src/network/mine.py"
    new.parent.mkdir(parents=True)
    new.write_text("WIDTH = 2\n")
    (tmp_path / "faces.csv").write_text("0 0 0\n")
    kept = lineage.changes()
    assert "# ?? faces.csv\n" in kept
    assert "0 0 0" not in kept
    new.unlink()
    (tmp_path / "changes.diff").write_text(kept)
    git(tmp_path, "apply", "changes.diff")
    assert new.read_text() == "WIDTH = 2\n"


def test_changes_in_any_encoding_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "SOURCE_ROOT", tmp_path)
    git(tmp_path, "init", "--quiet")
    (tmp_path / "notes.txt").write_bytes(b"one\r\n")
    assert lineage.changes() == "# ?? notes.txt\n", "there is no commit yet"
    commit(tmp_path)
    (tmp_path / "notes.txt").write_bytes(b"caf\xe9\r\n")
    assert "+caf\ufffd\r\n" in lineage.changes()


def test_remotes_and_what_the_project_writes_itself_are_no_change_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "SOURCE_ROOT", tmp_path)
    git(tmp_path, "init", "--quiet")
    known = [tmp_path / name for name in (".dvc/config", "dvc.lock", "app/public/model/manifest.json")]
    for path in known:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[core]\n")
    commit(tmp_path)
    for path in known:
        path.write_text("[core]\n    remote = team\n['remote \"team\"']\n    password = secret\n")
    (tmp_path / "lineage").mkdir()
    (tmp_path / "lineage/params.yaml").write_text("from the way back of a version\n")
    assert lineage.changes() == ""
    (tmp_path / "app/public/index.html").write_text("this is the app's own\n")
    assert lineage.changes() != ""


def test_a_process_is_known_again_after_the_clock_was_set() -> None:
    pid, started = machine.process_tags()["process"].split("@")
    assert machine.is_alive(f"{pid}@{float(started) + 5:.2f}")
    assert not machine.is_alive(f"{pid}@{float(started) - 3600:.2f}")


def test_a_process_that_ended_is_dead_though_nobody_asked_how_it_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        name = f"{process.pid}@{psutil.Process(process.pid).create_time():.2f}"
        assert machine.is_alive(name)
        process.kill()
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert not machine.is_alive(name)


def test_what_else_made_the_results_is_told_with_the_teacher_or_without(workspace: Path) -> None:
    found = lineage.settings(("teacher", "export"))
    assert found["teacher.model.width"] == read_params(TeacherParams).model.width
    assert found["export.max_drop"] == 0.005
    assert not [name for name in found if name.startswith("baseline.")]
    Path("params.yaml").write_text(changed(Path("params.yaml").read_text(), {"teacher": None}))
    assert lineage.settings(["teacher"]) == {"teacher": None}


def test_a_run_without_the_committed_teacher_says_so_in_its_name(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "SOURCE_ROOT", workspace)
    git(workspace, "init", "--quiet")
    commit(workspace)
    params = {"model.architecture": "resnet", "data.emotions": ["happy", "sad"], "data.protocol": "official"}
    assert lineage.run_name(params) == "resnet-2-official"
    Path("params.yaml").write_text(changed(PARAMS, {"teacher.train.seed": 1}))
    assert lineage.run_name(params) == "resnet-2-official, another teacher"
    Path("params.yaml").write_text(changed(PARAMS, {"teacher": None}))
    assert lineage.run_name(params) == "resnet-2-official, no teacher"
