"""Which MLflow store a workspace uses, and how its errors read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import unquote, urlparse
from urllib.request import url2pathname

URI_VARIABLE = "MLFLOW_TRACKING_URI"
SQLITE = "sqlite:///"
FILES = "mlartifacts"
"""Folder of a workspace in which an embedded store keeps the files of runs and versions."""
DRIVER_ERRORS = {
    "sqlalchemy.exc": ("SQLAlchemyError",),
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "boto3.exceptions": ("Boto3Error",),
    "google.api_core.exceptions": ("GoogleAPIError",),
    "google.auth.exceptions": ("GoogleAuthError",),
    "azure.core.exceptions": ("AzureError",),
}
"""What a database and the clients of object storages raise, and MLflow passes on."""

NOTES = {
    "fer-emotion": """One run per trained model, completed by every stage.

- **find the best**: sort by `val/best_accuracy`, which chose; `test/accuracy` only reports
- **metrics**: `train` and `val` by epoch, `test` (the shipped .tflite) beside `test_keras`, `robustness` on hard faces
  (`robustness/hog-...`: the baseline on the same ones), `mobile` (bytes, latency), `system` while training;
  `train/accuracy` is agreement with the targets, so mostly with the teacher where there is one
- **artifacts**: `reports/index.html` and `reports/data/index.html` tell it all; `lineage` holds what it was made from
- **tags**: `git.dirty` says whether anything was uncommitted that a result can rest on, `md5...` which data and model
""",
    "fer-emotion-tune": """One run per search of `python -m src.tune`, with a nested run per trial.

- **the search**: the best trial, the figures and the table of trials are in its run
- **compare**: mark its trials, *Compare*, and look at the parallel coordinates
- **tag** `end`: complete, pruned, failed or killed
""",
    "promotions": "Every decision of the gate about a version: who, when, from, to, and the evidence.",
}
"""Descriptions of the experiments that are made here, markdown."""
for _name in ("fer-emotion", "fer-emotion-tune"):
    _drawn = _name.replace("emotion", "emotion-drawn")
    NOTES[_drawn] = f"**Faces drawn by code: nothing here is about real ones.**\n\n{NOTES[_name]}"


def root() -> Path:
    """Give the folder that holds the embedded store.

    Under DVC it is the workspace that `dvc` was called in, not the temporary copy of `dvc exp run --temp`.
    """
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()


def tracking_uri() -> str:
    """Give the address of the store: MLFLOW_TRACKING_URI, or the sqlite file of this workspace.

    The path of a sqlite file counts from the workspace, so that experiments in temporary copies share it.

    Raises:
        ValueError: It begins as that of a sqlite file, but is none, or its path means another one there.
    """
    uri = os.environ.get(URI_VARIABLE) or f"{SQLITE}mlflow.db"
    if not uri.startswith("sqlite:"):
        return uri
    if not uri.startswith(SQLITE):
        raise ValueError(f"found the store's address {uri}, expected {SQLITE}FILE; write it with three slashes")
    path = root() / uri.removeprefix(SQLITE)
    if "?" in str(path) or unquote(str(path)) != str(path):
        raise ValueError(f"found the path {path}, expected one without ?, %20 and the like; rename the folder")
    return f"{SQLITE}{path}"


def shown_uri() -> str:
    """Give the address as a message may show it."""
    return without_password(tracking_uri())


def without_password(text: str) -> str:
    """Give a text without the user's name and password in its addresses; MLflow's messages quote them whole."""
    # A database's password may hold a slash; on the web an address's name ends there.
    text = re.sub(r"(?<!http:)(?<!https:)//[^/@:\s]*:\S*@|//[^/\s]*@", "//", text)
    return re.sub(r"(?<=[?&]password=)[^&\s]*", "...", text)


def demand_existing() -> None:
    """Check, for a command that only reads, that the store is there: MLflow would make an empty one.

    Raises:
        FileNotFoundError: It is a file that is not there.
    """
    file = Path(tracking_uri().removeprefix(SQLITE))
    if tracking_uri().startswith(SQLITE) and not file.exists():
        raise FileNotFoundError(
            f"{file} is missing, expected the MLflow store; go to its workspace, or say where it is by {URI_VARIABLE}"
        )


def connect() -> Any:
    """Give an `MlflowClient` of the store, made and migrated if it is the embedded one and not there yet.

    A dead server is given up after seconds; MLflow's own defaults retry for minutes.

    Raises:
        ConnectionError: It can't be reached, its driver is not installed, or the folder of its files is gone.
        ValueError: Its address is no address.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing leaves but what goes to the store
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow
    from filelock import FileLock

    mlflow.set_tracking_uri(tracking_uri())
    mlflow.set_registry_uri(tracking_uri())
    with errors():
        if tracking_uri().startswith("sqlite:"):
            # Processes that touch a fresh store at once crash in its migration.
            with FileLock(f"{tracking_uri().removeprefix(SQLITE)}.lock"):
                client = mlflow.MlflowClient()
                _demand_homes(client.search_experiments())
                return client
        return mlflow.MlflowClient()


def _demand_homes(experiments: list) -> None:
    """Check that the workspaces are there in which an embedded store keeps files: MLflow writes down whole paths.

    It would make a folder anew that was moved away, and spread the files over two places.
    """
    here = Path(tracking_uri().removeprefix(SQLITE)).parent
    for experiment in experiments:
        files = Path(url2pathname(urlparse(experiment.artifact_location).path))
        home = files.parent
        is_here = experiment.artifact_location.startswith("file:") and files.name == FILES
        if is_here and not os.path.exists(home):
            link = f"mkdir -p {quote(str(home.parent))} && ln -sfn {quote(str(here))} {quote(str(home))}"
            moved = f"if that folder was moved to {here}, `{link}`, and " if (here / FILES).exists() else ""
            raise ConnectionError(
                f"the files of the experiment {experiment.name} lie in {files}, found no {home}; {moved}if it is gone, "
                f"`rm -f {quote(str(home))} && mkdir -p {quote(str(files))}`"
            )


@contextmanager
def errors() -> Iterator[None]:
    """Turn what MLflow raises, or what lies behind it, into one `ConnectionError` that says what to do."""
    try:
        yield
    except ImportError as error:  # of a database, or of the object storage that the files lie in
        raise ConnectionError(f"the store {shown_uri()} needs a driver that is not here: {error}; install it") from None
    except _failures() as error:
        reason = without_password(str(error).splitlines()[0])
        remedy = (
            "see that the disk has room and that no other process holds the file"
            if tracking_uri().startswith("sqlite:")
            else f"start it, or unset {URI_VARIABLE} to use this workspace's own"
        )
        raise ConnectionError(f"the MLflow store {shown_uri()} did not do as asked: {reason}; {remedy}") from error


def _failures() -> tuple[type[Exception], ...]:
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException

    loaded = {name: sys.modules[name] for name in DRIVER_ERRORS if name in sys.modules}  # no other has been used
    of_drivers = [getattr(module, error) for name, module in loaded.items() for error in DRIVER_ERRORS[name]]
    return MlflowException, RequestException, *of_drivers


def experiment_id(client: Any, name: str) -> str:
    """Give the experiment to log to: the one that `mlflow run` chose, or the one of this name, made if missing."""
    chosen = os.environ.get("MLFLOW_EXPERIMENT_ID")
    return chosen or named_experiment(client, os.environ.get("MLFLOW_EXPERIMENT_NAME", name))


def named_experiment(client: Any, name: str) -> str:
    """Give the experiment of this name, made if missing, whatever `mlflow run` chose.

    Raises:
        ConnectionError: It was deleted.
    """
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        place = (root() / FILES).as_uri() if tracking_uri().startswith("sqlite:") else None
        try:
            note = {"mlflow.note.content": NOTES[name]} if name in NOTES else None
            return client.create_experiment(name, artifact_location=place, tags=note)
        except MlflowException:  # another process was quicker
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    demand_living(found)
    return found.experiment_id


def demand_living(experiment: Any) -> None:
    """Check that an experiment is not deleted: its runs would seem never to have been.

    Raises:
        ConnectionError: It is.
    """
    if experiment.lifecycle_stage == "deleted":
        raise ConnectionError(
            f"the experiment {experiment.name} is deleted in {shown_uri()}; "
            f"`mlflow experiments restore --experiment-id {experiment.experiment_id}` brings it back"
        )
