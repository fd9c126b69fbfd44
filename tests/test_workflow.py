"""The stages for real, from drawn faces to a version in the registry, and what `dvc` and the demo make of them."""

import importlib
import json
import os
import re
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import environment
import mlflow
import numpy as np
import pandas as pd
import pytest
from modules import ROOT

from src import cli, demo, register, train
from src.config import changed, parse_yaml
from src.tracking.bundle import verify

STAGES = list(parse_yaml((ROOT / "dvc.yaml").read_text())["stages"])
EMOTIONS = ["happy", "sad", "surprise", "neutral"]
NOUGHT = "0" * 64
SMALL = {
    "data.source": "drawn",
    "data.drawn_images": 700,
    "data.emotions": EMOTIONS,
    "model.width": 0.25,
    "teacher.members": 1,
    "teacher.model.width": 0.25,
    "teacher.train.epochs": 1,
    "teacher.train.growth": None,
    "train.epochs": 2,
    "train.warmup_epochs": 1,
    "train.average_decay": None,
    "train.optimizer": "sgd",
    "teacher.train.optimizer": "sgd",
    "baseline.components": 8,
    "baseline.neighbours": 3,
}


def call(workspace: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python <words>` in a workspace."""
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=workspace, env=os.environ | environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workflow")
    demo.make_workspace(folder, SMALL)
    with chdir(folder), cli.hushed():
        for stage in STAGES:
            importlib.import_module(f"src.{stage}").main([])
    environment.forget()
    return folder


@pytest.fixture(scope="module")
def client(workspace: Path) -> mlflow.MlflowClient:
    uri = f"sqlite:///{workspace}/mlflow.db"
    return mlflow.MlflowClient(uri, uri)


def read_json(path: Path) -> dict:
    return json.loads(path.read_text())


def models(workspace: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (workspace / "models").rglob("*") if path.is_file()}


def test_dvc_takes_up_what_the_stages_made_and_has_nothing_to_run(workspace: Path):
    commit = call(workspace, "-m", "dvc", "commit", "-f")
    assert commit.returncode == 0, commit.stderr
    before = {path: path.stat().st_mtime_ns for path in (workspace / "models").rglob("*")}
    repro = call(workspace, "-m", "dvc", "repro")
    assert repro.returncode == 0, repro.stderr
    assert "Running stage" not in repro.stdout
    assert before == {path: path.stat().st_mtime_ns for path in (workspace / "models").rglob("*")}


def test_the_run_carries_parameters_data_epochs_and_results(workspace: Path, client: mlflow.MlflowClient):
    run = client.get_run(read_json(workspace / "models/run.json")["run_id"])
    scored = read_json(workspace / "reports/metrics.json")
    assert run.info.status == "FINISHED"
    assert run.data.params["train.epochs"] == "2"
    assert run.data.params["data.emotions"] == str(EMOTIONS)
    assert run.inputs
    assert {data.dataset.name for data in run.inputs.dataset_inputs} == {"train", "val", "test"}
    assert [metric.step for metric in client.get_metric_history(run.info.run_id, "val/accuracy")] == [1, 2]
    assert run.data.metrics["test/accuracy"] == scored["test"]["accuracy"]
    assert run.data.metrics["test/recall/surprise"] == scored["per_emotion"]["surprise"]["recall"]
    assert run.data.tags["faces"] == "drawn by code"
    assert run.data.tags["backend"] == "tensorflow"
    figures = {item.path for item in client.list_artifacts(run.info.run_id, "reports/figures")}
    assert "reports/figures/confusion_matrix.png" in figures


def test_the_predictions_hold_what_the_metrics_say(workspace: Path):
    table = pd.read_csv(workspace / "reports/predictions.csv")
    scored = read_json(workspace / "reports/metrics.json")["test"]
    assert len(table) == scored["images"] == 40
    assert (table["true"] != table["tflite_predicted"]).sum() == scored["wrong"]
    sums = table[[f"tflite_{name}" for name in EMOTIONS]].sum(axis=1)
    assert np.allclose(sums, 1, atol=0.02)


def test_the_smallest_good_variant_ships_as_the_bundle_of_a_drawn_model(workspace: Path):
    exported = read_json(workspace / "models/mobile/variants.json")
    good = [v for v in exported["variants"].values() if v["drop"] <= 0.005]
    shipped = exported["variants"][exported["shipped"]]
    assert shipped["bytes"] == min(variant["bytes"] for variant in good)
    manifest = verify(workspace / "models/bundle")
    assert manifest["labels"] == EMOTIONS
    assert manifest["drawn"] is True
    scored = read_json(workspace / "reports/metrics.json")
    assert scored["sha256"] == manifest["files"]["emotion.tflite"]["sha256"]
    assert scored["val"]["accuracy"] == shipped["val_accuracy"]
    assert "drawn by code" in (workspace / "models/bundle/card.md").read_text()


def test_the_version_is_the_candidate_and_names_its_run_and_data(workspace: Path, client: mlflow.MlflowClient):
    version = client.get_model_version_by_alias("fer-emotion-drawn", "candidate")
    assert version.run_id == read_json(workspace / "models/run.json")["run_id"]
    assert version.tags["data_digest"] == read_json(workspace / "data/processed/splits.json")["digest"]
    assert version.tags["emotions"] == ", ".join(EMOTIONS)
    assert [model.name for model in client.search_registered_models()] == ["fer-emotion-drawn"]


def test_the_registered_model_answers_without_tensorflow_and_refuses_bad_input(workspace: Path):
    code = """
import sys, numpy as np, mlflow
model = mlflow.pyfunc.load_model("models:/fer-emotion-drawn@candidate")
faces = np.load("data/processed/test.npz")["images"][:5]
table = model.predict(faces)
assert list(table) == ["emotion", "happy", "sad", "surprise", "neutral"], list(table)
assert (table.emotion == table.drop(columns="emotion").idxmax(axis=1)).all()
assert "tensorflow" not in sys.modules and "src" not in sys.modules
for bad in (faces[:, :40], faces / 255.0, faces[..., 0]):
    try:
        model.predict(bad)
    except Exception as error:
        print("refused:", " ".join(str(error).split())[-150:])
"""
    done = call(workspace, "-c", code, MLFLOW_TRACKING_URI=f"sqlite:///{workspace}/mlflow.db")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("refused:") == 3
    assert "48" in done.stdout
    assert "uint8" in done.stdout


def test_what_a_killed_register_left_undone_is_done_by_the_next(
    workspace: Path, client: mlflow.MlflowClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    run_id = read_json(workspace / "models/run.json")["run_id"]
    client.delete_registered_model_alias("fer-emotion-drawn", "candidate")
    client.update_run(run_id, status="RUNNING")  # as if the store had been gone when training ended
    monkeypatch.chdir(workspace)
    register.main([])
    assert "version 1 (there already), the candidate" in capsys.readouterr().out
    assert str(client.get_model_version_by_alias("fer-emotion-drawn", "candidate").version) == "1"
    assert client.get_run(run_id).info.status == "FINISHED"


def test_a_new_store_gets_everything(
    workspace: Path, tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    registered = workspace / "models/registered.json"
    before = registered.read_text()
    uri = f"sqlite:///{shutil.copy(empty_store, tmp_path)}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.chdir(workspace)
    register.main([])
    assert "version 1, the candidate" in capsys.readouterr().out
    there = mlflow.MlflowClient(uri, uri)
    copy = there.get_run(there.get_model_version("fer-emotion-drawn", "1").run_id or "")
    assert copy.data.tags["origin_run_id"] == read_json(workspace / "models/run.json")["run_id"]
    assert len(there.get_metric_history(copy.info.run_id, "train/loss")) == 2
    assert copy.data.metrics["test/images"] == 40
    registered.write_text(before)  # which names the first store


@pytest.mark.parametrize(
    ("words", "environment", "message"),
    [
        (["src.train", "--lerning_rate", "1"], {}, "unrecognized arguments: --lerning_rate"),
        (["src.train", "--learning_rate", "-1"], {}, "train.learning_rate: found -1"),
        (["src.train", "--width", "0.5"], {}, "train.pretrained: found a resnet_flat of width 0.5, expected"),
        (["src.register"], {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}, "http://127.0.0.1:9"),
    ],
)
def test_bad_input_gets_one_line_and_leaves_everything_as_it_was(
    workspace: Path, words: list[str], environment: dict[str, str], message: str
):
    before = models(workspace)
    done = call(workspace, "-m", *words, **environment)
    assert done.returncode != 0
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert models(workspace) == before


def test_a_training_whose_store_is_away_leaves_the_model_as_it_was(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    before = models(workspace)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.chdir(workspace)
    with pytest.raises(ConnectionError, match=r"the MLflow store http://127\.0\.0\.1:9"):
        train.main(["--epochs", "1"])
    assert models(workspace) == before


@pytest.mark.parametrize(
    ("stage", "file", "change", "message"),
    [
        ("export", "models/run.json", {"tags": {"data_digest": NOUGHT}}, "models was trained on splits of digest 00"),
        ("evaluate", "models/run.json", {"tags": {"data_digest": NOUGHT}}, "models was trained on splits of digest 00"),
        ("register", "models/run.json", {"tags": {"data_digest": NOUGHT}}, "models was trained on splits of digest 00"),
        ("export", "models/run.json", {"tags": {"teacher": "nobody"}}, "models learned from the teacher of run nobody"),
        ("evaluate", "models/baseline/scores.json", {"data_digest": NOUGHT}, "baseline is of splits of digest 00"),
        ("evaluate", "models/mobile/variants.json", {"model": NOUGHT}, "was made from a model.keras of sha256 0000"),
        ("register", "models/mobile/variants.json", {"model": NOUGHT}, "was made from a model.keras of sha256 0000"),
        ("register", "params.yaml", {"export.max_drop": 0.3}, "was made with export.max_drop 0.005, expected 0.3"),
        ("evaluate", "params.yaml", {"baseline.svm_c": 5.0}, "was made with baseline.svm_c 0.01, expected 5.0"),
        (
            "export",
            "params.yaml",
            {"teacher.train.seed": 1},
            "models/teacher/1 was made with train.seed 42, expected 1",
        ),
        ("export", "models/run.json", {"tags": {"teacher": "none"}}, "learned from a teacher of the runs none, params"),
        ("export", "params.yaml", {"teacher": None}, "params.yaml asks for none; run `dvc repro`, or put it back"),
        (
            "train",
            "params.yaml",
            {"data.emotions": ["happy", "sad", "surprise"]},
            "params.yaml asks for drawn, official, happy, sad, surprise; run `dvc repro preprocess`",
        ),
        ("register", "reports/metrics.json", {"run": {"id": "another"}}, "metrics.json is of run another"),
        ("register", "reports/metrics.json", {"sha256": NOUGHT}, "and a .tflite of sha256 000000000000, expected"),
    ],
)
def test_what_does_not_belong_together_goes_no_further(
    workspace: Path, stage: str, file: str, change: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(workspace)
    path = Path(file)
    before = path.read_text()
    if path.suffix == ".yaml":
        path.write_text(changed(before, change))
    else:
        content = json.loads(before)
        for key, value in change.items():
            content[key] = content[key] | value if isinstance(value, dict) else value
        path.write_text(json.dumps(content))
    try:
        with pytest.raises(ValueError, match=re.escape(message)):
            importlib.import_module(f"src.{stage}").main([])
    finally:
        path.write_text(before)


def call_here(folder: Path, module: str, *options: str, expected: tuple[int, ...] = (0,)) -> object:
    """Do what `demo.call` does, in this process, where everything is loaded already."""
    status: object = 0
    with chdir(folder):
        try:
            importlib.import_module(module).main(options)
        except SystemExit as end:
            status = end.code
    assert status in expected
    return status


def test_what_the_demo_does_after_the_stages_and_again(
    workspace: Path, capfd: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """Last of those that share the workspace: the gate has judged its version then."""
    params = workspace / "params.yaml"
    rules = dict.fromkeys(("promote.min_accuracy", "promote.min_recall", "promote.min_agreement"))
    params.write_text(changed(params.read_text(), rules | {"promote.min_accuracy": 1.0}))
    demo.hand_over(workspace)
    assert capfd.readouterr().out.endswith("nothing to deploy: no version was promoted (see above)\n")
    monkeypatch.setattr(demo, "call", call_here)
    params.write_text(changed(params.read_text(), rules))
    demo.hand_over(workspace)
    first = capfd.readouterr().out
    assert "promoted: the champion of fer-emotion-drawn is version 1" in first
    assert "grace_hopper.jpg" in first
    assert verify(workspace / "app/public/model")["labels"] == EMOTIONS
    demo.hand_over(workspace)
    assert "version 1 is the champion already" in capfd.readouterr().out
    table = demo.results(workspace)
    accuracy = read_json(workspace / "reports/metrics.json")["test"]["accuracy"]
    assert f"accuracy    {accuracy:.1%}" in table
    assert "champion" in table


def rows_of_the_results_table() -> list[str]:
    return re.findall(r"`dvc exp run ([^`]+)`", (ROOT / "README.md").read_text())


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("options", rows_of_the_results_table())
def test_a_row_of_the_results_table_trains(
    options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared: Callable[[str], Path]
):
    words = shlex.split(options)
    settings = dict(word.split("=", 1) for word in words[words.index("-S") + 1 :: 2])
    given = {name: parse_yaml(value) for name, value in settings.items() if not name.startswith("teacher.")}
    small = {"data.source": "drawn", "data.drawn_images": 280, "train.epochs": 1, "teacher": None}
    values = {"model.width": 0.25} | given | small
    text = changed((ROOT / "params.yaml").read_text(), values)
    shutil.copytree(prepared(text), tmp_path, dirs_exist_ok=True)
    (tmp_path / "params.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    Path("data/processed/test.npz").unlink()  # nothing that chooses may look at it
    train.main([])
    assert len(pd.read_csv(tmp_path / "models/history.csv")) == 1


@pytest.mark.parametrize(
    "stage", ["preprocess", "baseline", "teacher", "train", "export", "evaluate", "register", "promote"]
)
def test_a_stage_without_its_input_names_the_stage_that_makes_it(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [stage])
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # what a signal does to these tests is not the stage's
    with pytest.raises(SystemExit, match=r"^error: .+; run `dvc repro \w+`$"):
        runpy.run_path(str(ROOT / f"src/{stage}.py"), run_name="__main__")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
