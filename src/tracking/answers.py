"""What a run answered to the images of its test split, as `evaluate` left it in MLflow."""

from __future__ import annotations

import re
import tempfile
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from src.tracking import runs, store, versions

REPORTS, PREDICTIONS = "reports", "predictions.csv"
DIGEST = 12
"""Length of a digest that every run has."""
MODEL = "tflite_"
"""Columns of what shipped begin so."""


class Answers(NamedTuple):
    """A run's answers by its shipped .tflite.

    Attributes:
        name: For people: what they asked for, and the run's id.
        test_digest: Of the test split: the first `DIGEST` digits of its sha256.
        emotions: Their names, in the order of the columns.
        rows: int (n,), row of each image in the source.
        labels: int (n,), index into emotions.
        probabilities: float (n, emotions).
    """

    name: str
    test_digest: str
    emotions: tuple[str, ...]
    rows: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray


def fetch(words: str) -> Answers:
    """Give the answers of a run.

    Args:
        words: Its id or name, or a version of a registered model: `fer-emotion/3`, `fer-emotion@champion`.

    Raises:
        ValueError: There is no such run, several have this name, or it was never evaluated.
        ConnectionError: The store can't be reached.
    """
    store.demand_existing()
    client = store.connect()
    import mlflow.artifacts

    with store.errors(), tempfile.TemporaryDirectory() as folder:
        run_id, place, digest = _find(client, words)
        # Asked first, because downloading what is missing can succeed with nothing.
        there = mlflow.artifacts.list_artifacts(artifact_uri=f"{place}/{REPORTS}") or []
        if digest is None or PREDICTIONS not in {entry.path.split("/")[-1] for entry in there}:
            raise ValueError(
                f"{words} has no {REPORTS}/{PREDICTIONS} in {store.without_password(place)}, expected one that was "
                "evaluated; choose another, or `dvc repro` it"
            )
        file = mlflow.artifacts.download_artifacts(artifact_uri=f"{place}/{REPORTS}/{PREDICTIONS}", dst_path=folder)
        table = pd.read_csv(file)
    name = words if words == run_id else f"{words} ({run_id[:8]})"
    return _read(name, digest[:DIGEST], table)


def _find(client: Any, words: str) -> tuple[str, str, str | None]:
    """Give the run's id, the address of its artifacts or of the version's evidence, and the digest of the test split.

    A version has its own, because a later export or evaluation replaces those of its run.
    """
    name, sign, which = words.partition("@" if "@" in words else "/")
    if sign:
        version = versions.find(client, name, which, "") if sign == "/" else versions.find(client, name, None, which)
        source = client.get_model_version_download_uri(version.name, version.number)
        return version.run_id, f"{source}/{versions.EVIDENCE}", version.tags.get("test_digest")
    run = client.get_run(_find_run(client, words))
    return run.info.run_id, f"runs:/{run.info.run_id}", _test_digest(run)


def _test_digest(run: Any) -> str | None:
    datasets = [each.dataset for each in run.inputs.dataset_inputs]
    return next((dataset.digest for dataset in datasets if dataset.name == "test"), None)


def _find_run(client: Any, words: str) -> str:
    if re.fullmatch("[0-9a-f]{32}", words) and runs.if_known(client, words):
        return words
    places = [each.experiment_id for each in client.search_experiments()]
    quoted = words.replace("'", "")
    found = client.search_runs(places, f"attributes.run_name = '{quoted}'")
    if not found:  # a teacher that the experiment trained answered no test split
        of_experiment = client.search_runs(places, f"tags.`dvc.experiment` = '{quoted}'")
        found = [run for run in of_experiment if _test_digest(run)]
    if len(found) != 1:
        ids = ", ".join(run.info.run_id for run in found)
        way_out = "`mlflow ui` shows them; a DVC experiment that trained nothing has no run of its own"
        if found:
            way_out = f"{len(found)} have this name: {ids}; give one of these ids"
        raise ValueError(f"found no single run {words!r} in {store.shown_uri()}; {way_out}")
    return found[0].info.run_id


def _read(name: str, digest: str, table: pd.DataFrame) -> Answers:
    emotions = tuple(str(name)[len(MODEL) :] for name in table if str(name).startswith(MODEL))
    emotions = tuple(name for name in emotions if name != "predicted")
    labels = table["true"].map(emotions.index).to_numpy()
    return Answers(
        name, digest, emotions, table["row"].to_numpy(), labels, table[[MODEL + name for name in emotions]].to_numpy()
    )
