"""What several test files share: the parameters of params.yaml, drawn faces, and workspaces to run stages in."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modules import ROOT
from processes import ended
from ruamel.yaml import YAML

from src import preprocess, pull
from src.config import read_params
from src.faces.drawn import draw
from src.fer2013 import EMOTIONS, Split
from src.params import ModelParams, TrainParams

CHOSEN = [EMOTIONS.index(name) for name in ("happy", "sad", "neutral")]


@pytest.fixture(scope="session")
def model_params() -> ModelParams:
    """Give the section `model` of the repository's params.yaml."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return read_params(ModelParams)


@pytest.fixture(scope="session")
def train_params() -> TrainParams:
    """Give the section `train` of the repository's params.yaml, on whole images throughout: dcnn takes no others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return read_params(TrainParams).model_copy(update={"growth": None})


@pytest.fixture(scope="session")
def faces() -> tuple[Split, Split]:
    """Give 240 train and 60 val faces, drawn by code: happy, sad and neutral take turns."""
    images, codes = draw(700, seed=5)
    chosen = np.isin(codes, CHOSEN)
    images, labels = images[chosen][..., None], np.searchsorted(CHOSEN, codes[chosen])
    return Split(images[:240], labels[:240]), Split(images[240:], labels[240:])


@pytest.fixture
def make_workspace(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that makes a workspace under tmp_path: a link to src, params.yaml, and drawn faces in splits.

    It takes a name and, per section, the keys of params.yaml to change: `make_workspace("one", train={"epochs": 2})`.
    """

    def make(name: str, **changes: dict[str, Any]) -> Path:
        workspace = tmp_path / name
        workspace.mkdir()
        (workspace / "src").symlink_to(ROOT / "src")
        yaml = YAML()
        params = yaml.load(ROOT / "params.yaml")
        params["data"]["source"] = "drawn"
        params["teacher"] = None
        for section, values in changes.items():
            params[section] |= values
        yaml.dump(params, workspace / "params.yaml")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(workspace)
            pull.main([])
            preprocess.main([])
        return workspace

    return make


def heeds_ctrl_c() -> None:
    """Undo what a shell does to whatever it starts in the background, these tests perhaps: it ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start_stage() -> Iterator[Callable[..., subprocess.Popen]]:
    """Give a function that starts a stage in a workspace, its output in log.txt there, and end what is left of it.

    It takes the workspace, the stage, its options, and variables for its environment by keyword.
    """

    def start(workspace: Path, stage: str, *options: str, **variables: str) -> subprocess.Popen:
        ours = ("DVC_", "FER2013_", "KERAS_", "MLFLOW_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        environment |= {"KERAS_BACKEND": "tensorflow"} | variables
        with (workspace / "log.txt").open("a") as log:
            command = [sys.executable, "-m", f"src.{stage}", *options]
            process = subprocess.Popen(
                command,
                cwd=workspace,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=heeds_ctrl_c,
            )
        started.append(process)
        return process

    with ended() as started:
        yield start
