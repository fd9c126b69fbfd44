"""A version of the registered model, from the registry to files that can be trusted."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from src import paths
from src.config import read_params
from src.params import DataParams
from src.tracking import bundle, store

CHAMPION = "champion"
CANDIDATE = "candidate"
DECISION = "decision"
"""Tag of a version: the run, in the experiment `promotions`, of the decision that made it the champion."""
PLACE = "artifacts/bundle"
"""Folder of the bundle in the pyfunc that `registry.register` logs."""
EVIDENCE = "evidence"
"""Folder beside that pyfunc's files: reports, lineage and sizes, as they were when the version was registered."""

RESTORE = "restore it from a backup, or delete the version and run `python -m src.register` where it was made"
"""What helps a version whose files are not as registered; one that is there is not registered again."""


class Version(NamedTuple):
    """A version in the registry.

    Attributes:
        name: Of the registered model.
        number: As text; MLflow gives an int or a str, depending on the store.
        run_id: The run that made it.
        tags: See `registry.register`.
    """

    name: str
    number: str
    run_id: str
    tags: dict[str, str]

    def __str__(self) -> str:
        return f"{self.name} version {self.number}"


def default_name() -> str:
    """Give the name that the data of this workspace go by in the registry; `fer-emotion` outside a workspace."""
    return read_params(DataParams).registered_model if paths.PARAMS.exists() else "fer-emotion"


def find(client: Any, name: str, version: str | None, alias: str) -> Version:
    """Give the version of this number, or the one that the alias is on.

    Raises:
        ValueError: There is no such version.
        ConnectionError: The store can't be reached.
    """
    found = by_number(client, name, version) if version is not None else by_alias(client, name, alias)
    if found is None:
        if version is not None:
            raise ValueError(f"{name} has no version {version} in {store.shown_uri()}; choose another")
        way_out = {
            CHAMPION: "run `python -m src.promote` first",
            CANDIDATE: "run `dvc repro` first, or `python -m src.register`, which sends there what is here already",
        }
        raise ValueError(
            f"{name} has no version with the alias {alias!r} in {store.shown_uri()}; "
            f"{way_out.get(alias, f'name a version by its number, or by {CHAMPION} or {CANDIDATE}')}"
        )
    return found


def by_alias(client: Any, name: str, alias: str) -> Version | None:
    """Give the version that the alias is on; None where there is none."""
    return _version(_if_there(lambda: client.get_model_version_by_alias(name, alias)))


def by_number(client: Any, name: str, number: str) -> Version | None:
    """Give the version of this number; None where there is none."""
    return _version(_if_there(lambda: client.get_model_version(name, number)))


def fetch(client: Any, version: Version, folder: Path) -> Path:
    """Download the bundle of a version, and only it, into `folder`; the manifest is the registered one, to the byte.

    The other files are `bundle.verify`'s to check.

    Returns:
        The bundle's folder.

    Raises:
        ValueError: A file is missing, is one too many, or the manifest was changed.
        ConnectionError: The store can't be reached.
    """
    source = _source(client, version)
    _demand(version, f"{source}/{PLACE}", set(bundle.FILES), exactly=True)
    there = _download(version, f"{source}/{PLACE}", folder)
    found, expected = bundle.digest(there), version.tags.get("bundle")
    if found != expected:
        raise ValueError(
            f"{version}: {bundle.MANIFEST} has sha256 {found}, registered was {expected}; it was changed, {RESTORE}"
        )
    return there


def _source(client: Any, version: Version) -> str:
    with store.errors():
        return client.get_model_version_download_uri(version.name, version.number)


def _download(version: Version, place: str, folder: Path) -> Path:
    import mlflow.artifacts
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException

    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=place, dst_path=str(folder)))
    except (MlflowException, RequestException) as error:
        reason = store.without_password(str(error))
        raise ConnectionError(f"{version}: the download failed, try again; {reason}") from None


def demand_whole(client: Any, version: Version) -> None:
    """Check that what belongs to a version besides its bundle is there and will stay.

    Raises:
        ValueError: The run is deleted, or the Keras model or the pyfunc is missing.
        ConnectionError: The store can't be reached.
    """
    run = _if_there(lambda: client.get_run(version.run_id))
    if run is None:
        raise ValueError(
            f"{version}: its run {version.run_id} is gone, and its files with it; restore it from a backup"
        )
    if run.info.lifecycle_stage != "active":
        raise ValueError(
            f"{version}: its run {version.run_id} is deleted, and `mlflow gc` takes "
            f"the files with it; `mlflow runs restore --run-id {version.run_id}` brings it back"
        )
    source = _source(client, version)
    _demand(version, source, {"MLmodel", "artifacts"})
    _demand(version, f"{source}/artifacts", {"model.keras", "bundle"})


def demand_unchanged(client: Any, version: Version) -> None:
    """Check that every file that was registered as a version, the Keras model among them, is as it was.

    Raises:
        ValueError: One is not.
        ConnectionError: The store can't be reached.
    """
    source = _source(client, version)
    with tempfile.TemporaryDirectory() as folder:
        found = bundle.digest_of_all(_download(version, source, Path(folder)))
    if found != version.tags.get("files", found):  # versions of before this tag are taken as they are
        raise ValueError(
            f"{version}: its files have sha256 {found} together, registered were {version.tags['files']}; "
            f"one was changed, {RESTORE}"
        )


def _demand(version: Version, place: str, names: set[str], exactly: bool = False) -> None:
    import mlflow.artifacts

    # Asked first, because downloading a missing folder can succeed with nothing.
    found = _if_there(lambda: mlflow.artifacts.list_artifacts(artifact_uri=place)) or []
    there = {PurePosixPath(entry.path).name for entry in found}
    faults = [f"{name} is missing" for name in sorted(names - there)]
    if exactly:
        faults += [f"{name} does not belong there" for name in sorted(there - names)]
    if faults:
        raise ValueError(f"{version}: {', '.join(faults)} in {store.without_password(place)}; {RESTORE}")


def _version(found: Any | None) -> Version | None:
    return found and Version(found.name, str(found.version), found.run_id, dict(found.tags))


def _if_there(ask: Any) -> Any | None:
    from mlflow.exceptions import MlflowException

    with store.errors():
        try:
            return ask()
        except MlflowException as error:
            # sqlite says INVALID_PARAMETER_VALUE of an unknown alias.
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            return None
