"""A tracking server that goes away, for real: nothing is lost, nothing waits for it, and nothing half-done is left."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import mlflow
import pandas as pd
import psutil
import pytest
import requests
from processes import wait_until

from src import baseline, deploy, evaluate, export, promote, register

EPOCHS = list(range(1, 6))
SMALL = {
    "data": {"drawn_images": 700},
    "model": {"width": 0.25},
    "train": {"epochs": len(EPOCHS), "batch_size": 16, "warmup_epochs": 1, "optimizer": "sgd", "growth": None},
    "promote": {"min_accuracy": 0.1, "min_recall": None, "min_agreement": None},
}

Make = Callable[..., Path]
Start = Callable[..., subprocess.Popen]


class Server:
    """An `mlflow server` on loopback that can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.process: psutil.Popen | None = None

    def start(self) -> None:
        options = ("--backend-store-uri", "sqlite:///server.db", "--artifacts-destination", "files", "--workers", "1")
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self.port), *options]
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "log.txt").open("a") as log:
            # Without the seven processes that run its jobs: each loads MLflow, and no test has any.
            environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
            self.process = psutil.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        wait_until(self.is_there, self.process, self.folder)

    def is_there(self) -> bool:
        with suppress(requests.ConnectionError):
            return requests.get(f"{self.uri}/health", timeout=5).ok
        return False

    def kill(self) -> None:
        if self.process:
            for process in (*self.process.children(recursive=True), self.process):
                process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path / "server")
    yield found
    found.kill()


def epochs(client: mlflow.MlflowClient, metric: str = "val/accuracy") -> list[int]:
    (run,) = client.search_runs([found.experiment_id for found in client.search_experiments()])
    return [value.step for value in client.get_metric_history(run.info.run_id, metric)]


def test_a_server_that_dies_stalls_no_training_register_sends_what_is_missing_and_what_is_deployed_stays(
    make_workspace: Make, start_stage: Start, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace("workspace", **SMALL)
    server.start()
    client = mlflow.MlflowClient(server.uri, server.uri)
    settings = {"MLFLOW_TRACKING_URI": server.uri, "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "1"}
    log = workspace / "log.txt"

    training = start_stage(workspace, "train", **settings)
    wait_until(lambda: "epoch 1:" in log.read_text(), training, workspace)
    server.kill()
    assert training.wait() == 0, log.read_text()
    history = pd.read_csv(workspace / "models/history.csv")
    assert list(history["epoch"]) == EPOCHS
    assert history["seconds"].iloc[1:].max() < 20, "one short retry, not MLflow's minutes"
    assert log.read_text().count("warning:") == 1, "said once"

    monkeypatch.chdir(workspace)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    for stage in (baseline, export, evaluate):
        stage.main([])
    with pytest.raises(ConnectionError, match=f"the MLflow store {server.uri}"):
        register.main([])

    server.start()
    register.main([])
    assert epochs(client) == EPOCHS
    (run,) = client.search_runs([found.experiment_id for found in client.search_experiments()])
    assert run.info.status == "FINISHED"
    assert run.data.params["train.epochs"] == str(len(EPOCHS))
    assert "robustness/mean" in run.data.metrics
    assert client.get_model_version_by_alias("fer-emotion-drawn", "candidate").run_id == run.info.run_id
    assert "reports/index.html" in {item.path for item in client.list_artifacts(run.info.run_id, "reports")}

    promote.main([])
    deploy.main(["--to", "app"])
    deployed = {path.name: path.read_bytes() for path in (workspace / "app").iterdir()}
    assert "emotion.tflite" in deployed
    server.kill()
    for command, *options in ((promote, "--rollback"), (promote, "--history"), (deploy, "--to", "app")):
        with pytest.raises(ConnectionError, match=f"the MLflow store {server.uri}"):
            command.main(options)
    assert {path.name: path.read_bytes() for path in (workspace / "app").iterdir()} == deployed
