"""Versions of the registered model, and which of them is the candidate: the best, not the latest."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from src.tracking import lock, store, versions

JUDGED = "judged"
"""Tag of a version that the gate has decided about: the next one may take the alias `candidate` from it."""
SERVED_MODEL = Path(__file__).with_name("served_model.py")

ABOUT = """Tells the emotion of one face of 48 x 48 grey levels, as uint8 `(n, 48, 48, 1)`.

Each version is one deployable thing: the phone's `.tflite` with manifest, golden samples and card (`artifacts/bundle`),
the Keras model to train on (`artifacts/model.keras`), and what shows how it was made and judged (`evidence`). Its
description is its model card and the way back to what made it.

- `@candidate`: the best on val since the last decision; it stays there until a later version takes its place
- `@champion`: let through by the gate, `python -m src.promote`; the experiment `promotions` keeps every decision
"""
"""Description of a registered model, markdown."""


class Registered(NamedTuple):
    """A version in the registry.

    Attributes:
        version: Its number.
        is_new: False if the same run and bundle had been registered before.
        state: `the candidate`, or why it isn't.
    """

    version: str
    is_new: bool
    state: str


def free_place(run_id: str, bundle_digest: str) -> str:
    """Give a folder in a run's artifacts for a new version with this bundle, in which nothing lies yet.

    What a deleted version left there, or other hands put there, would be taken for the new one's.

    Raises:
        ConnectionError: The store can't be reached.
    """
    client = store.connect()
    with store.errors():
        taken = {entry.path for entry in client.list_artifacts(run_id)}
    name = place = f"model-{bundle_digest[:8]}"
    number = 1
    while place in taken:
        number += 1
        place = f"{name}-{number}"
    return place


def register(
    name: str,
    run_id: str,
    place: str,
    bundle: Path,
    keras_model: Path,
    evidence: Path,
    tags: dict[str, str],
    description: str,
) -> Registered:
    """Make a version of the registered model `name`, or find the one that this run and bundle already have.

    Args:
        name: `fer-emotion`, or `fer-emotion-drawn`: drawn faces never enter the former.
        run_id: The run in this store.
        place: Folder in its artifacts for the version's files, as `free_place` gives it.
        bundle: Folder of a verified bundle.
        keras_model: The .keras file, to train on.
        evidence: Folder of what shows how it was made and judged; it stays with the version.
        tags: Facts of the version; `bundle` (its digest), `val_accuracy`, `data_digest` and `test_digest` among them.
        description: Markdown for people.

    Raises:
        ConnectionError: The store can't be reached.
        TimeoutError: Another process holds the registered model, and does not let go.
    """
    from mlflow.exceptions import MlflowException

    client = store.connect()
    with store.errors():
        mine = f"name = '{name}' and run_id = '{run_id}' and tags.bundle = '{tags['bundle']}'"
        same = client.search_model_versions(mine)
        if same:
            version = same[0].version
        else:
            try:
                client.create_registered_model(name, description=ABOUT)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            emotions = tags["emotions"].split(", ")
            source, files = _log_model(client, run_id, place, bundle, keras_model, evidence, emotions)
            kept = tags | {"files": files}
            version = client.create_model_version(name, source, run_id, tags=kept, description=description).version
        with lock.held(client, name):  # of two that register at once, the better is to be the candidate
            return Registered(str(version), not same, _consider(client, name, int(version), tags))


def _consider(client: Any, name: str, version: int, tags: dict[str, str]) -> str:
    """Move the alias `candidate` to this version if it deserves it, and say whether it is there, or why not.

    Asked again of a version that is there already, because a process may have died before it moved the alias; an older
    one never takes it from a newer.
    """
    present = versions.by_alias(client, name, versions.CANDIDATE)
    if present is not None:
        if int(present.number) >= version:
            newer = int(present.number) > version
            return f"not the candidate: version {present.number} is newer" if newer else "the candidate"
        if why_not := found_lacking(tags, present.tags):
            return (
                f"not the candidate: {why_not} version {present.number}, which waits for the gate; "
                f"`python -m src.promote --version {version}` judges this one"
            )
    client.set_registered_model_alias(name, versions.CANDIDATE, str(version))
    return "the candidate"


def found_lacking(tags: dict[str, str], candidate: dict[str, str]) -> str:
    """Say why a new version doesn't take the alias `candidate` from the present one; empty if it does.

    It does if the present one has been judged, or can't be where the new one comes from, for its test split is another;
    or if both are of the same data and the new one is more accurate on val.
    """
    if JUDGED in candidate or tags["test_digest"] != candidate.get("test_digest"):
        return ""
    if tags["data_digest"] != candidate["data_digest"]:
        return "its data are not those of"
    return "" if float(tags["val_accuracy"]) > float(candidate["val_accuracy"]) else "no more accurate on val than"


def describe(name: str, uri: str) -> list[str]:
    """Give a line per version of a registered model, newest first: number, aliases, accuracies, size."""
    import mlflow

    client = mlflow.MlflowClient(uri, uri)
    aliases: dict[str, list[str]] = {}
    for alias, version in client.get_registered_model(name).aliases.items():
        aliases.setdefault(version, []).append(f"@{alias}")
    return [
        f"{name} version {found.version} {' '.join(aliases.get(found.version, []))}".rstrip()
        + f": test accuracy {float(found.tags['test_accuracy']):.1%}, {int(found.tags['bytes']):,} bytes"
        for found in client.search_model_versions(f"name = '{name}'")
    ]


def _log_model(
    client: Any, run_id: str, place: str, bundle: Path, keras_model: Path, evidence: Path, labels: list[str]
) -> tuple[str, str]:
    """Log the pyfunc with bundle and Keras model, and the evidence beside it, to a folder of the run's artifacts.

    Returns:
        Its address, and the digest of all its files.
    """
    import mlflow
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    from src.faces.drawn import draw
    from src.tracking.bundle import digest_of_all

    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype("uint8"), (-1, 48, 48, 1))]),
        outputs=Schema([ColSpec("string", "emotion"), *(ColSpec("double", label) for label in labels)]),
    )
    with tempfile.TemporaryDirectory() as folder:
        mlflow.pyfunc.save_model(
            f"{folder}/model",
            python_model=str(SERVED_MODEL),
            artifacts={"bundle": str(bundle), "keras": str(keras_model)},
            signature=signature,
            input_example=draw(2, seed=7)[0][..., None],
            pip_requirements=["ai-edge-litert", "mlflow", "numpy", "pandas"],
        )
        shutil.copytree(evidence, f"{folder}/model/{versions.EVIDENCE}")
        client.log_artifacts(run_id, f"{folder}/model", place)
        files = digest_of_all(Path(folder) / "model")
    return f"{client.get_run(run_id).info.artifact_uri}/{place}", files
