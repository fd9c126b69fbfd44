"""What bench measures is what it says it measures."""

from pathlib import Path

import numpy as np
import pytest
from modules import ROOT

from bench import fer2013, growth, process, pull, training
from src.tracking import store

pytest_plugins = ["registry_fixtures"]


def test_the_networks_are_those_of_the_results_table() -> None:
    found = training.networks()
    dcnn = found["dcnn"]
    assert (dcnn.model.architecture, dcnn.model.dropout, dcnn.model.width) == ("dcnn", 0.6, 1)
    assert (dcnn.train.optimizer, dcnn.train.learning_rate, dcnn.train.batch_size) == ("adam", 0.001, 32)
    assert (dcnn.train.average_decay, dcnn.train.mixup, dcnn.train.growth) == (None, None, None)
    assert found["tiny"].model.width < found["default"].model.width
    assert found["tiny"].train.optimizer == found["default"].train.optimizer
    assert training.row_that_sets("data.protocol", "teacher")["data.protocol"] == "pooled"


def test_the_noise_is_read_as_fer2013_is_and_by_the_seeds_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    growth.write_csv(tmp_path / "fer2013.csv", 100)
    monkeypatch.setenv("FER2013_SOURCE", str(tmp_path / "fer2013.csv"))
    table = fer2013.read()
    assert (len(table.rows), table.rejected) == (100, [])
    assert np.bincount(table.usages).tolist() == [80, 10, 10]
    pull.seed(tmp_path / "fer2013.csv")
    kept = int(np.isin(table.emotions, pull.SEED_EMOTIONS).sum())
    assert sum(map(int, capsys.readouterr().out.split())) == kept


def test_without_the_real_faces_the_error_says_which_variable_to_set() -> None:
    with pytest.raises(ValueError, match="FER2013_SOURCE is not set"):
        fer2013.read()


def test_the_cost_of_a_process_is_its_own_and_a_failure_says_why(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text("import time\nwhile time.process_time() < 0.5: pass\n")
    cost = process.run("busy", cwd=tmp_path)
    assert 0.5 < cost.cpu_s < 3
    with pytest.raises(ChildProcessError, match=r"`nothing` failed: .*No module named nothing"):
        process.run("nothing", cwd=tmp_path)


def test_the_share_of_mlflow_is_that_of_a_run_with_every_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mlflow.db").write_bytes(empty_store.read_bytes())
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    training.track(epochs=2, seconds=0)
    client = store.connect()
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "val/loss")]
    assert (run.info.status, steps) == ("FINISHED", [1, 2])
    assert float(Path(training.WATCHED).read_text()) > 0
