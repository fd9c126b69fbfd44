"""One MLflow run per trained model: opened by `train`, followed epoch by epoch, completed by the later stages."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from src.tracking import machine, store
from src.tracking.description import Description, describe

EPOCH_METRICS = {
    "loss": "train/loss",
    "accuracy": "train/accuracy",
    "val_loss": "val/loss",
    "val_accuracy": "val/accuracy",
    "learning_rate": "train/learning_rate",
    "seconds": "train/seconds",
}
"""Column of history.csv -> metric in MLflow."""


class Run:
    """A run in the store, as far as training writes to it.

    When the store goes away in the middle, training goes on: the first failure is said once, and nothing more is sent.
    `send` completes the run later from the files.
    """

    def __init__(self, client: Any, run_id: str) -> None:
        self.client = client
        self.id = run_id
        self.lost = False

    def log_epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        """Log the metrics of one epoch (from 1) under the names of `EPOCH_METRICS`."""
        self._try(lambda: self.client.log_batch(self.id, metrics=epoch_metrics(epoch, metrics)))

    def end(self, status: str) -> None:
        """Close the run: FINISHED, FAILED or KILLED."""
        self._try(lambda: self.client.set_terminated(self.id, status=status))

    def _try(self, send: Any) -> None:
        if self.lost:
            return
        try:
            with store.errors():
                send()
        except ConnectionError as error:
            self.lost = True
            print(f"warning: {error}. Training goes on; `register` will send what is missing", file=sys.stderr)


@contextmanager
def training(description: Description, resumed: str | None, history: list[dict[str, float]]) -> Iterator[Run]:
    """Open the run of a training, or go on in the one that a killed process left; it ends as the block ends.

    Args:
        description: What the run is.
        resumed: Id of the run that the checkpoint names, or None for a new one.
        history: Epochs already done; those that the store lacks are logged, so that each stands there once.

    Raises:
        ConnectionError: The store can't be reached at the start.
    """
    client = store.connect()
    with store.errors():
        close_dead_runs(client, store.experiment_id(client, description.experiment))
        run_id = if_known(client, resumed) or os.environ.get("MLFLOW_RUN_ID")
        if run_id:
            for name, value in machine.process_tags().items():
                client.set_tag(run_id, name, value)
            client.update_run(run_id, status="RUNNING")
        else:
            run_id = _create(client, description, machine.process_tags())
    run = Run(client, run_id)
    try:
        with store.errors():
            describe(client, run_id, description)
            _log_missing_epochs(client, run_id, history)
        with machine.watched(run_id):
            yield run
    except KeyboardInterrupt:
        run.end("KILLED")
        raise
    except BaseException:
        run.end("FAILED")
        raise
    run.end("FINISHED")
    with suppress(ConnectionError):  # `register` says it, too
        point_out(run.id)


def send(
    run_id: str,
    description: Description,
    history: list[dict[str, float]],
    metrics: dict[str, float],
    settings: dict[str, Any],
    tags: dict[str, str],
    files: dict[str, list[Path]],
) -> str:
    """Bring a run in the store up to date with the workspace; epochs and metrics that it has are not sent again.

    Serves the stages after `train`, a run restored from DVC's cache, an unknown store and one that went away.

    Args:
        run_id: Id that `train` gave the run, in whichever store.
        description: What the run is, in case this store does not know it.
        history: One dict per epoch, as `fit` gives it.
        metrics: Final metrics by their names in MLflow.
        settings: Values of params.yaml that only later stages, or none of the run's own, depend on. MLflow lets no
            parameter be changed: where one is there with another value, a tag of its name says the present one.
        tags: Facts that only the finished files tell.
        files: Folder in the run's artifacts -> files or folders to put there.

    Returns:
        The run's id in this store.

    Raises:
        ConnectionError: The store can't be reached.
    """
    client = store.connect()
    from mlflow.entities import Param, RunTag

    with store.errors():
        known = if_known(client, run_id) or _find_copy(client, run_id, description)
        if known is None:
            known = _create(client, description, {"origin_run_id": run_id})
        there = client.get_run(known)
        if not (there.inputs and there.inputs.dataset_inputs):  # the last that `describe` writes
            describe(client, known, description)
        _log_missing_epochs(client, known, history)
        if there.info.status != "FINISHED":  # the store was gone when training ended; another may have called it dead
            client.set_terminated(known)
        missing = {name: value for name, value in metrics.items() if there.data.metrics.get(name) != value}
        stored = there.data.params
        changed = {name: str(value) for name, value in settings.items() if stored.get(name, str(value)) != str(value)}
        client.log_batch(
            known,
            metrics=[metric(name, value, step=0) for name, value in missing.items()],
            params=[Param(name, str(value)) for name, value in settings.items() if name not in stored],
            tags=[RunTag(name, value) for name, value in (tags | changed).items()],
        )
        for name in (settings.keys() & there.data.tags.keys()) - changed.keys() - description.tags.keys():
            client.delete_tag(known, name)  # it was changed back
        for folder, sources in files.items():
            for path in sources:
                log = client.log_artifacts if path.is_dir() else client.log_artifact
                log(known, str(path), folder or None)
    return known


def point_out(used: str) -> None:
    """Say in the run that `mlflow run` opened which run holds the results, where `train` did not take it."""
    opened = os.environ.get("MLFLOW_RUN_ID")
    if opened is None or opened == used:
        return
    client = store.connect()
    with store.errors():
        if if_known(client, opened) is None:
            return
        name = client.get_run(used).info.run_name
        text = f"Nothing was trained in this run: the results are those of run {name} (`{used}`)."
        for key, value in {
            "reuses_run": used,
            "mlflow.runName": f"reuses {name}",
            "mlflow.note.content": text,
        }.items():
            client.set_tag(opened, key, value)


def close_dead_runs(client: Any, experiment: str) -> None:
    """Mark as KILLED the runs that a dead process of this machine left RUNNING."""
    mine = f"attributes.status = 'RUNNING' and tags.host = '{machine.host()}'"
    for run in client.search_runs([experiment], mine):
        if not machine.is_alive(run.data.tags.get("process", "")):
            client.set_terminated(run.info.run_id, status="KILLED")


def if_known(client: Any, run_id: str | None) -> str | None:
    """Give back the id of a run if this store has it and it is not deleted, else None."""
    from mlflow.exceptions import MlflowException

    if run_id is None:
        return None
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    return run_id if run.info.lifecycle_stage == "active" else None


def epoch_metrics(epoch: int, metrics: dict[str, float]) -> list:
    """Give what `log_batch` takes: the metrics of one epoch (from 1) under the names of `EPOCH_METRICS`."""
    return [metric(name, metrics[key], step=epoch) for key, name in EPOCH_METRICS.items() if key in metrics]


def metric(name: str, value: float, step: int) -> Any:
    """Give a metric of this moment, in what `log_batch` takes."""
    from mlflow.entities import Metric

    return Metric(name, value, int(time.time() * 1000), step)


def _create(client: Any, description: Description, tags: dict[str, str]) -> str:
    experiment = store.experiment_id(client, description.experiment)
    return client.create_run(experiment, tags=tags, run_name=description.name).info.run_id


def _find_copy(client: Any, run_id: str, description: Description) -> str | None:
    experiment = store.experiment_id(client, description.experiment)
    found = client.search_runs([experiment], f"tags.origin_run_id = '{run_id}'", max_results=1)
    return found[0].info.run_id if found else None


def _log_missing_epochs(client: Any, run_id: str, history: list[dict[str, float]]) -> None:
    if not history:
        return
    there = {name: {m.step for m in client.get_metric_history(run_id, name)} for name in EPOCH_METRICS.values()}
    batch = [
        metric
        for epoch, metrics in enumerate(history, start=1)
        for metric in epoch_metrics(epoch, metrics)
        if metric.step not in there[metric.key]
    ]
    for start in range(0, len(batch), 1000):  # MLflow's limit
        client.log_batch(run_id, metrics=batch[start : start + 1000])
