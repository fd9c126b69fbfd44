"""The state of a training between two epochs, kept in one file: a killed process loses one epoch at most."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src import paths

Weights = list[np.ndarray]


@dataclass
class State:
    """Everything that the next epoch depends on, besides the parameters and the data.

    Attributes:
        history: One dict per finished epoch: loss, accuracy, val_loss, val_accuracy, learning_rate.
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


def folder(identity: dict) -> Path:
    """Give the folder of the training with this identity and this code; any other is not resumed.

    Args:
        identity: Parameters, data and platform, in what JSON can hold.
    """
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return paths.CHECKPOINTS / digest.hexdigest()[:16]


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
    """Give the checkpoint in the folder `path`, or None where there is none."""
    if not (path / "state.npz").exists():
        return None
    with np.load(path / "state.npz") as stored:
        facts = json.loads(str(stored["facts"]))
        state = State(history=facts["history"])
        for name in stored.files:
            if name != "facts":
                getattr(state, name.split("/")[0]).append(stored[name])
    return Checkpoint(state, facts["run_id"])
