"""The stage `train` as people run it, killed at its worst moments."""

import json
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import chdir, closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import environment
import keras
import numpy as np
import pandas as pd
import pytest
from parameters import PARAMS
from processes import query, wait_until

from src import cli, teacher, train
from src.config import changed, parse_yaml

EPOCHS = 4
SMALL: dict[str, dict[str, Any]] = {
    "data": {"drawn_images": 1750},  # 600 train faces: an epoch of about a second
    "model": {"width": 0.25},
    "train": {"epochs": EPOCHS, "batch_size": 16, "warmup_epochs": 1, "optimizer": "sgd", "growth": None},
}
"""Quick to compile; Muon, growing images and a teacher are stopped and resumed in test_fitting."""

Make = Callable[..., Path]
Start = Callable[..., subprocess.Popen]


def steps(workspace: Path, metric: str = "val/accuracy", run: str = "%") -> list[int]:
    wanted = f"key = '{metric}' AND run_uuid LIKE '{run}'"
    return [step for (step,) in query(workspace, f"SELECT step FROM metrics WHERE {wanted} ORDER BY step")]


def checkpoint(workspace: Path) -> Path | None:
    return next(workspace.glob(".checkpoints/*/state.npz"), None)


def epochs_kept(workspace: Path) -> int:
    path = checkpoint(workspace)
    assert path is not None
    with np.load(path) as stored:
        return len(json.loads(str(stored["facts"]))["history"])


def has_described_its_run(workspace: Path) -> bool:
    return query(workspace, "SELECT count(*) FROM inputs") == [(3,)]  # train, val and test, the last that it writes


def kill(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()


@contextmanager
def nobody_writes(workspace: Path) -> Iterator[None]:
    """Hold the store's write lock, so that an epoch can be kept but not logged meanwhile."""
    with closing(sqlite3.connect(workspace / "mlflow.db", isolation_level=None)) as store:
        store.execute("BEGIN IMMEDIATE")
        yield
        store.execute("ROLLBACK")


def kill_between_checkpoint_and_log(workspace: Path, start: Start) -> None:
    process = start(workspace, "train")
    wait_until(lambda: has_described_its_run(workspace), process, workspace)
    with nobody_writes(workspace):
        wait_until(lambda: checkpoint(workspace), process, workspace)
        kill(process)
    assert (epochs_kept(workspace), steps(workspace)) == (1, [])


def refuse_a_second_process_and_stop_in_epoch_3(workspace: Path, start: Start) -> None:
    process = start(workspace, "train", MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL="0.2")
    wait_until(lambda: steps(workspace) == [1, 2], process, workspace)
    assert epochs_kept(workspace) == 2  # kept before it is logged, else a kill here would log it twice
    process.send_signal(signal.SIGSTOP)  # it is at its training still
    with pytest.raises(FileExistsError, match="is in use, expected no other process at this training"):
        finish(workspace, train)
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    first_words = [line.split()[0] for line in (workspace / "log.txt").read_text().splitlines()]
    assert first_words[-1] == "stopped"
    assert set(first_words) <= {"epoch", "stopped"}, "TensorFlow and MLflow say nothing"
    assert (epochs_kept(workspace), steps(workspace)) == (2, [1, 2])
    assert {0, 1} <= set(steps(workspace, "system/cpu_utilization_percentage")), "the machine is watched meanwhile"


def kill_while_the_model_is_saved(workspace: Path, start: Start) -> None:
    process = start(workspace, "train")
    wait_until(lambda: len(steps(workspace)) == EPOCHS, process, workspace)
    wait_until(lambda: list((workspace / "models").glob("*model.keras")), process, workspace, every_s=0.001)
    kill(process)
    assert epochs_kept(workspace) == EPOCHS


def finish(workspace: Path, stage: ModuleType, *options: str) -> None:
    """Run a stage to its end, here, where TensorFlow is loaded already."""
    with chdir(workspace), cli.hushed():
        stage.main(options)
    environment.forget()


def weights(workspace: Path, folder: str = "models") -> list[np.ndarray]:
    return keras.saving.load_model(workspace / folder / "model.keras", compile=False).get_weights()


def history(workspace: Path) -> pd.DataFrame:
    return pd.read_csv(workspace / "models/history.csv").drop(columns="seconds")


def test_a_training_killed_stopped_killed_and_passed_by_another_ends_as_one_that_was_left_alone(
    make_workspace: Make, start_stage: Start
) -> None:
    killed, undisturbed = make_workspace("killed", **SMALL), make_workspace("undisturbed", **SMALL)
    finish(undisturbed, train)
    for end_it, status in (
        (kill_between_checkpoint_and_log, "RUNNING"),
        (refuse_a_second_process_and_stop_in_epoch_3, "KILLED"),
        (kill_while_the_model_is_saved, "RUNNING"),
    ):
        end_it(killed, start_stage)
        assert query(killed, "SELECT status FROM runs") == [(status,)]
    ((run,),) = query(killed, "SELECT run_uuid FROM runs")
    finish(killed, train, "--seed", "1", "--epochs", "1")
    assert query(killed, "SELECT status FROM runs ORDER BY start_time") == [("KILLED",), ("FINISHED",)]
    assert epochs_kept(killed) == EPOCHS
    finish(killed, train)

    assert all(np.array_equal(*pair) for pair in zip(weights(killed), weights(undisturbed), strict=True))
    pd.testing.assert_frame_equal(history(killed), history(undisturbed), check_exact=True)
    assert query(killed, "SELECT status FROM runs") == [("FINISHED",)] * 2
    metrics = [key for (key,) in query(killed, "SELECT DISTINCT key FROM metrics WHERE key NOT LIKE 'system/%'")]
    assert len(metrics) == 6
    for metric in metrics:
        assert steps(killed, metric, run) == [1, 2, 3, 4], metric
    assert checkpoint(killed) is None


def test_a_teacher_stopped_in_its_second_member_trains_the_first_no_more(
    make_workspace: Make, start_stage: Start
) -> None:
    params = parse_yaml(PARAMS)["teacher"] | {"members": 2}
    params["model"] |= {"width": 0.25}
    params["train"] |= {"epochs": 2, "batch_size": 16, "warmup_epochs": 0, "growth": None, "optimizer": "sgd"}
    workspace = make_workspace("workspace", data={"drawn_images": 700})
    (workspace / "params.yaml").write_text(changed((workspace / "params.yaml").read_text(), {"teacher": params}))
    process = start_stage(workspace, "teacher")
    wait_until(lambda: len(steps(workspace)) == 3, process, workspace)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert query(workspace, "SELECT status FROM runs ORDER BY start_time") == [("FINISHED",), ("KILLED",)]
    first = weights(workspace, "models/teacher/1")
    finish(workspace, teacher)
    assert steps(workspace) == [1, 1, 2, 2]
    assert query(workspace, "SELECT status FROM runs") == [("FINISHED",)] * 2
    again, second = (weights(workspace, f"models/teacher/{member}") for member in (1, 2))
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    assert not any(np.array_equal(*pair) for pair in zip(first, second, strict=True) if pair[0].ndim == 4)
    assert checkpoint(workspace) is None
