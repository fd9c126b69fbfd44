"""What several test files share: the parameters of params.yaml, drawn faces, and workspaces to run stages in."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import environment  # first: Keras and MLflow look at theirs when they are imported
import numpy as np
import pytest
from modules import ROOT
from parameters import PARAMS
from processes import ended

from src import preprocess, pull
from src.config import changed, parse_yaml
from src.faces.drawn import draw
from src.fer2013 import EMOTIONS, Split
from src.params import ModelParams, TrainParams
from src.tracking import store

LONGEST = (
    *("test_workflow", "test_train_kill", "test_server", "test_project", "test_tune", "test_jax", "test_conversion"),
    *("test_fitting", "test_promotion", "test_study", "test_app_camera"),
)
"""Files that take a minute or several: begun first, so that at the end no process waits for another."""

CHOSEN = [EMOTIONS.index(name) for name in ("happy", "sad", "neutral")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, each as it is."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


@pytest.fixture(autouse=True)
def clean_environment() -> Iterator[None]:
    """Let no test leave settings to the next one."""
    yield
    environment.forget()


@pytest.fixture(scope="session")
def model_params() -> ModelParams:
    """Give the section `model` of params.yaml."""
    return ModelParams.model_validate(parse_yaml(PARAMS)["model"])


@pytest.fixture(scope="session")
def train_params() -> TrainParams:
    """Give the section `train` of params.yaml, on whole images throughout: dcnn takes no others."""
    return TrainParams.model_validate(parse_yaml(PARAMS)["train"] | {"growth": None})


@pytest.fixture(scope="session")
def faces() -> tuple[Split, Split]:
    """Give 240 train and 60 val faces, drawn by code: happy, sad and neutral take turns."""
    images, codes = draw(700, seed=5)
    chosen = np.isin(codes, CHOSEN)
    images, labels = images[chosen][..., None], np.searchsorted(CHOSEN, codes[chosen])
    return Split(images[:240], labels[:240]), Split(images[240:], labels[240:])


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an mlflow.db that is migrated, which takes seconds, and holds nothing."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        store.connect()
    environment.forget()
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Callable[[str], Path]:
    """Give a function that gives a folder with the data that a params.yaml asks for, made once, and an empty store."""
    found: dict[str, Path] = {}

    def prepare(text: str) -> Path:
        data = json.dumps(parse_yaml(text)["data"])
        if data not in found:
            found[data] = tmp_path_factory.mktemp("prepared")
            shutil.copy(empty_store, found[data])
            (found[data] / "params.yaml").write_text(text)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(found[data])
                pull.main([])
                preprocess.main([])
        return found[data]

    return prepare


@pytest.fixture
def make_workspace(tmp_path: Path, prepared: Callable[[str], Path]) -> Callable[..., Path]:
    """Give a function that makes a workspace under tmp_path: a link to src, params.yaml, and drawn faces in splits.

    It takes a name and, per section, the keys of params.yaml to change: `make_workspace("one", train={"epochs": 2})`.
    """

    def make(name: str, **changes: dict[str, Any]) -> Path:
        workspace = tmp_path / name
        values = {f"{section}.{key}": value for section, keys in changes.items() for key, value in keys.items()}
        text = changed(PARAMS, {"data.source": "drawn", "teacher": None} | values)
        shutil.copytree(prepared(text), workspace)
        (workspace / "src").symlink_to(ROOT / "src")
        (workspace / "params.yaml").write_text(text)
        return workspace

    return make


@pytest.fixture
def eager() -> Iterator[None]:
    """Have TensorFlow run each operation at once: to trace a graph of a few steps takes longer."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def heeds_ctrl_c() -> None:
    """Undo what a shell does to whatever it starts in the background, these tests perhaps: it ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start_stage() -> Iterator[Callable[..., subprocess.Popen]]:
    """Give a function that starts a stage in a workspace, its output in log.txt there, and end what is left of it.

    It takes the workspace, the stage, its options, and variables for its environment by keyword.
    """

    def start(workspace: Path, stage: str, *options: str, **variables: str) -> subprocess.Popen:
        with (workspace / "log.txt").open("a") as log:
            command = [sys.executable, "-m", f"src.{stage}", *options]
            process = subprocess.Popen(
                command,
                cwd=workspace,
                env=os.environ | variables,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=heeds_ctrl_c,
            )
        started.append(process)
        return process

    with ended() as started:
        yield start
