"""A run in MLflow's real store is brought up to date with what the workspace holds, whatever happened before."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from modules import ROOT

from src.tracking import runs, store

pytest_plugins = ["registry_fixtures"]
UNKNOWN = "f" * 32
TAGS = {"teacher": "none"}
DESCRIPTION = runs.Description("fer-emotion", "one", {"train.epochs": 1}, TAGS, {}, {"val": ("v" * 64, 6)}, "s", "", {})


def sent(run_id: str, settings: dict[str, Any]) -> Run:
    known = runs.send(run_id, DESCRIPTION, [], {}, settings, {}, {})
    return store.connect().get_run(known)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> None:
    """Make a workspace with an empty store the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("mlflow.db").write_bytes(empty_store.read_bytes())


def test_a_setting_that_was_changed_is_a_tag_until_it_is_changed_back() -> None:
    first = sent(UNKNOWN, {"export.max_drop": 0.005}).info.run_id
    changed = sent(first, {"export.max_drop": 0.3}).data
    assert (changed.params["export.max_drop"], changed.tags["export.max_drop"]) == ("0.005", "0.3")
    back = sent(first, {"export.max_drop": 0.005}).data
    assert (back.params["export.max_drop"], back.tags.get("export.max_drop")) == ("0.005", None)


def test_a_tag_of_the_run_that_is_named_as_a_setting_stays() -> None:
    first = sent(UNKNOWN, {"teacher": None}).info.run_id
    assert sent(first, {"teacher": None}).data.tags["teacher"] == "none"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("at https://me:secret@host:5000/a failed", "at https://host:5000/a failed"),
        ("postgresql://host/db?user=me&password=secret&sslmode=require",
         "postgresql://host/db?user=me&password=...&sslmode=require"),
        ("postgresql://me:a/b+c==@host/db", "postgresql://host/db"),
        ("https://me:p@ss@host/api", "https://host/api"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("http://host:5000/api?name=a@b", "http://host:5000/api?name=a@b"),
    ],
)  # fmt: skip
def test_no_address_is_shown_with_its_password(address: str, shown: str) -> None:
    assert store.without_password(address) == shown


def test_no_usage_report_leaves(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc/config", tmp_path / ".dvc")
    code = (
        "from src.tracking import store; store.connect()\n"
        "from mlflow.telemetry import get_telemetry_client\n"
        "from dvc.analytics import is_enabled\n"
        "print(get_telemetry_client(), is_enabled())"
    )
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}  # no switch of the tests' own
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=bare, capture_output=True, text=True)
    assert done.stdout.split() == ["None", "False"], done.stderr


@pytest.mark.parametrize("status", ["RUNNING", "KILLED"])
def test_a_run_whose_files_are_here_is_finished_whatever_the_store_was_told(status: str) -> None:
    client = store.connect()
    first = sent(UNKNOWN, {}).info.run_id
    client.update_run(first, status=status)
    assert sent(first, {}).info.status == "FINISHED"


def test_a_relative_store_is_that_of_the_workspace_in_a_temporary_copy_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    first = sent(UNKNOWN, {}).info.run_id
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    assert sent(first, {}).info.run_id == first
    assert not list(Path().iterdir())


def test_a_deleted_experiment_says_how_to_bring_it_back() -> None:
    client = store.connect()
    sent(UNKNOWN, {})
    client.delete_experiment(store.named_experiment(client, "fer-emotion"))
    with pytest.raises(ConnectionError, match="mlflow experiments restore --experiment-id"):
        sent("e" * 32, {})


def test_a_workspace_that_was_moved_says_how_to_find_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    Path("mlflow.db").rename(old / "mlflow.db")
    monkeypatch.chdir(old)
    first = sent(UNKNOWN, {}).info.run_id
    old.rename(new)
    monkeypatch.chdir(new)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")  # MLflow has set it, for processes below this one
    for _ in range(2):
        with pytest.raises(
            ConnectionError, match=f"moved to {new}, `mkdir -p {tmp_path} && ln -sfn {new} {old}`"
        ) as told:
            sent(first, {})
        subprocess.run(str(told.value).split("`")[1], shell=True, check=True)
        assert sent(first, {}).info.run_id == first
        old.unlink()
        old.symlink_to(tmp_path / "before it was moved again")


def test_the_files_of_a_workspace_that_is_gone_are_not_looked_for_in_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, here = tmp_path / "old", tmp_path / "here"
    for folder in (old, here):
        folder.mkdir()
    Path("mlflow.db").rename(tmp_path / "shared.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/shared.db")
    monkeypatch.chdir(old)
    sent(UNKNOWN, {})
    monkeypatch.chdir(here)
    shutil.rmtree(old)
    with pytest.raises(ConnectionError, match=f"found no {old}; if it is gone, ") as told:
        store.connect()
    subprocess.run(str(told.value).split("`")[1], shell=True, check=True)
    store.connect()
