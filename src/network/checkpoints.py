"""The state of a training between two epochs, kept in one file: a killed process loses one epoch at most."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src import paths
from src.config import read_sections

Weights = list[np.ndarray]
PACKAGE = Path(__file__).parent
CODE = (
    *sorted(path for path in PACKAGE.glob("*.py") if path.name not in ("__init__.py", "conversion.py", "litert.py")),
    *(PACKAGE.parent / name for name in ("faces/splits.py", "fer2013.py", "teacher.py", "train.py")),
)
"""What trains."""


@dataclass
class State:
    """Everything that the next epoch depends on, besides the parameters and the data.

    Attributes:
        history: One dict per finished epoch: loss, accuracy (agreement with the likeliest emotion of the targets, so
            mostly the teacher's where there is one), val_loss, val_accuracy, learning_rate, and what the hook of `fit`
            adds.
        variables: The model's variables, the states of dropout's random numbers among them.
        optimizer: The optimizer's variables.
        average: Averaged weights in the order of `variables`; empty when nothing is averaged.
        best: Variables as scored on val in the best epoch so far.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    variables: Weights = field(default_factory=list)
    optimizer: Weights = field(default_factory=list)
    average: Weights = field(default_factory=list)
    best: Weights = field(default_factory=list)


class Checkpoint(NamedTuple):
    """A training in progress.

    Attributes:
        state: What the next epoch depends on.
        run_id: The MLflow run that this training logs to.
    """

    state: State
    run_id: str


class Asked(NamedTuple):
    """What a training goes by that DVC reads when the stage has ended.

    Attributes:
        code: Digest of the code that trains.
        sections: Name -> content, of params.yaml.
    """

    code: str
    sections: dict[str, Any]


def ask(*sections: str) -> Asked:
    """Give the code as it is now, and these sections of params.yaml."""
    found = read_sections() if sections else {}
    return Asked(digest({}), {name: found.get(name) for name in sections})


def digest(identity: dict) -> str:
    """Give what tells a training from others: the digest of its identity and of the code that trains.

    Args:
        identity: Parameters, data and platform, in what JSON can hold.
    """
    found = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
    for source in CODE:
        found.update(source.read_bytes())
    return found.hexdigest()


@contextmanager
def opened(identity: dict, asked: Asked | None = None) -> Iterator[Path]:
    """Give the folder of the training with this identity and this code, to this process alone.

    No other training is resumed from it, and it is removed when the block succeeds; not if DVC, which takes up what
    this process writes, was killed meanwhile: the next `dvc repro` then asks for this training again.

    Args:
        identity: Parameters, data and platform, in what JSON can hold.
        asked: What the training goes by, as `ask` gave it before any of it was read.

    Raises:
        FileExistsError: Another process is at the same training.
        ValueError: Something else is asked for after the block. DVC reads both when a stage has ended, and would
            write down that the new ones made what the old ones did.
    """
    from filelock import FileLock, Timeout

    parent = os.getppid()
    asked = asked or ask()
    folder = paths.CHECKPOINTS / digest(identity)[:16]
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_suffix(".lock"), blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise FileExistsError(
            f"{folder} is in use, expected no other process at this training (killing dvc leaves its stage alive); "
            "stop it, the next `dvc repro` goes on after its last whole epoch; or wait for it"
        ) from None
    with lock:
        yield folder
        if ask(*asked.sections) != asked:
            raise ValueError(
                f"{paths.PARAMS} or the code was changed while this trained, expected both as they were; put them "
                "back, and `dvc repro` takes what was trained, or let it train by what is there now"
            )
        if os.getppid() == parent:
            shutil.rmtree(folder)


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint in the folder `path`, whole or not at all."""
    state = checkpoint.state
    arrays = {
        f"{name}/{index}": value
        for name in ("variables", "optimizer", "average", "best")
        for index, value in enumerate(getattr(state, name))
    }
    facts = json.dumps({"history": state.history, "run_id": checkpoint.run_id})
    with paths.replacing(path / "state.npz") as temporary:
        np.savez(temporary, facts=facts, **arrays)


def load(path: Path) -> Checkpoint | None:
    """Give the checkpoint in the folder `path`, or None where there is none that can be read."""
    if not (path / "state.npz").exists():
        return None
    try:
        with (path / "state.npz").open("rb") as file, np.load(file) as stored:
            arrays = dict(stored)
    except (EOFError, ValueError, zipfile.BadZipFile, zlib.error):  # the power went while it was written
        print(f"{path / 'state.npz'} is damaged; the training begins anew", file=sys.stderr)
        return None
    facts = json.loads(str(arrays.pop("facts")))
    state = State(history=facts["history"])
    for name, array in arrays.items():
        getattr(state, name.split("/")[0]).append(array)
    return Checkpoint(state, facts["run_id"])
