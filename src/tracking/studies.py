"""A search in MLflow: a parent run for the study, a nested run per training.

The study's own storage holds the truth, and what stands here follows it: whatever was lost, because a process was
killed or the store went away, the next `complete` makes good.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from src.tracking import lineage, machine, runs, store
from src.tracking.description import log_code

SOURCE = "src/tune.py"
EPOCHS = "train/loss"
"""A metric that every epoch has."""
BEST = "val/best_accuracy"
"""Metric of a nested run that the search maximises: val accuracy in the best epoch so far."""
STATUS = {"": "RUNNING", "complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED", "killed": "KILLED"}
"""How a training ended -> status of its run; the tag `end` tells those of one status apart."""


class Record(NamedTuple):
    """A training of the study.

    Attributes:
        name: Of its run, as no other training of the study is named.
        params: Every value under its name in params.yaml.
        tags: Facts that one filters by; `host` and `process` where it is not this process that trains.
        history: One dict per finished epoch, as `fit` gives it.
        end: A key of `STATUS`; empty while it runs.
        reason: Why, if it did not end by itself.
    """

    name: str
    params: dict[str, Any]
    tags: dict[str, str]
    history: list[dict[str, float]]
    end: str
    reason: str


class StudyRun:
    """The runs of one study, as the process that searches writes to them.

    When the store goes away in the middle, the search goes on: the first failure is said once, and nothing more is
    sent until `complete`.
    """

    def __init__(self, client: Any, run_id: str) -> None:
        self.client = client
        self.id = run_id
        self.lost = False
        self._nested: dict[str, str] = {}

    def send(self, record: Record) -> None:
        """Bring the nested run of a training up to date."""
        if self.lost:
            return
        try:
            with store.errors():
                self._send(record)
        except ConnectionError as error:
            self.lost = True
            print(f"warning: {error}. The search goes on and sends what is missing when it ends", file=sys.stderr)

    def complete(self, records: list[Record]) -> None:
        """Bring every nested run up to date, those of earlier processes too.

        Raises:
            ConnectionError: The store can't be reached.
        """
        with store.errors():
            self.lost = False
            experiment = self.client.get_run(self.id).info.experiment_id
            mine = f"tags.`mlflow.parentRunId` = '{self.id}'"
            there = {run.info.run_name: run for run in self.client.search_runs([experiment], mine, max_results=10_000)}
            for record in records:
                if record.name in there:
                    self._nested[record.name] = there[record.name].info.run_id
                if record.name not in there or there[record.name].data.tags.get("end", "") != record.end:
                    self._send(record)

    def log(self, metrics: dict[str, float], tags: dict[str, str], folder: Path) -> None:
        """Put what the study found into the parent run; the files in `folder` become its artifacts.

        Raises:
            ConnectionError: The store can't be reached.
        """
        from mlflow.entities import RunTag

        with store.errors():
            self.client.log_batch(
                self.id,
                metrics=[runs.metric(name, value, step=0) for name, value in metrics.items()],
                tags=[RunTag(name, value) for name, value in tags.items()],
            )
            self.client.log_artifacts(self.id, str(folder))

    def end(self, status: str) -> None:
        """End the parent run, if the store is there: FINISHED, FAILED or KILLED."""
        with suppress(ConnectionError), store.errors():
            self.client.set_terminated(self.id, status=status)

    def run_id(self, name: str) -> str:
        """Give the id of the nested run of this name, which `complete` has seen."""
        return self._nested[name]

    def _send(self, record: Record) -> None:
        if record.name not in self._nested:
            self._nested[record.name] = self._open(record)
        run_id = self._nested[record.name]
        there = {metric.step for metric in self.client.get_metric_history(run_id, EPOCHS)}
        best = 0.0
        for epoch, metrics in enumerate(record.history, start=1):
            best = max(best, metrics["val_accuracy"])
            if epoch not in there:
                objective = runs.metric(BEST, best, epoch)  # the first metric is what MLflow's UI compares by
                self.client.log_batch(run_id, metrics=[objective, *runs.epoch_metrics(epoch, metrics)])
        if record.end:
            self.client.set_tag(run_id, "reason", record.reason)
            self.client.set_tag(run_id, "end", record.end)
            self.client.set_terminated(run_id, status=STATUS[record.end])

    def _open(self, record: Record) -> str:
        """Open the run of a training, or go on in the one that an earlier process left."""
        from mlflow.entities import Param, RunTag

        experiment = self.client.get_run(self.id).info.experiment_id
        mine = f"tags.`mlflow.parentRunId` = '{self.id}' and attributes.run_name = '{record.name}'"
        left = self.client.search_runs([experiment], f"{mine} and attributes.status != 'RUNNING'", max_results=1)
        tags = {"mlflow.parentRunId": self.id, **machine.process_tags(), **lineage.tags(SOURCE), **record.tags}
        if left:
            run_id = left[0].info.run_id
            self.client.update_run(run_id, status="RUNNING")
            self.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in (tags | {"end": ""}).items()])
        else:
            run_id = self.client.create_run(experiment, tags=tags, run_name=record.name).info.run_id
        self.client.log_batch(run_id, params=[Param(name, str(value)) for name, value in record.params.items()])
        return run_id


def open_study(experiment: str, name: str, known: str | None, params: dict[str, Any], tags: dict[str, str]) -> StudyRun:
    """Open the parent run of a study, or go on in the one that it has.

    Args:
        experiment: Name of the experiment.
        name: Of the study.
        known: Id of the parent run, in whichever store; None for a study that has none.
        params: What stays the same as long as the study lives.
        tags: What may change from one start to the next.

    Raises:
        ConnectionError: The store can't be reached.
    """
    client = store.connect()
    from mlflow.entities import Param, RunTag

    with store.errors():
        place = store.experiment_id(client, experiment)
        runs.close_dead_runs(client, place)
        run_id = runs.if_known(client, known)
        if run_id is None:
            begun = machine.process_tags() | lineage.tags(SOURCE)
            run_id = client.create_run(place, tags=begun, run_name=name).info.run_id
            log_code(client, run_id, lineage.changes(), lineage.packages())
        client.update_run(run_id, status="RUNNING")
        client.log_batch(
            run_id,
            params=[Param(key, str(value)) for key, value in params.items()],
            tags=[RunTag(key, value) for key, value in (machine.process_tags() | tags).items()],
        )
    return StudyRun(client, run_id)
