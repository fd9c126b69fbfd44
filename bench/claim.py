"""Time to the seed's claim, 82.04 % of val under `pooled`, without a teacher; against 36 epochs of its own network.

The training is that of README's results table.

`FER2013_SOURCE=fer2013.zip python -m bench.claim`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from bench import fer2013
from bench.training import Network, images_per_second, network, row_that_sets
from src import cli
from src.config import read_params
from src.faces.splits import Faces, assign, take
from src.fer2013 import Split
from src.params import DataParams

if TYPE_CHECKING:
    from src.network.checkpoints import State

CLAIM = 0.8204
DCNN_EPOCHS = 36
SEEDS = (42, 43, 44)


def pooled() -> tuple[Split, Split]:
    """Give happy, sad and neutral of FER2013, nine tenths to train and one to val."""
    table = fer2013.read()
    faces = Faces(table.images, table.emotions, table.usages, table.rows)
    data = read_params(DataParams).model_copy(update={"protocol": "pooled", "emotions": ("happy", "sad", "neutral")})
    splits = assign(faces, data).splits
    train, val = (take(faces, splits[name], data.emotions) for name in ("train", "val"))
    return train, val


def seconds_to_claim(network: Network, train: Split, val: Split) -> tuple[float, int]:
    """Train until the claim is reached; give the wall seconds, infinite if it never is, and the epochs."""
    from src.network.fitting import fit

    start, seconds = time.perf_counter(), float("inf")

    def reached(state: State) -> bool:
        nonlocal seconds
        if state.history[-1]["val_accuracy"] >= CLAIM:
            seconds = time.perf_counter() - start
        return seconds < float("inf")

    epochs = len(fit(*network, train, val, 3, on_epoch_end=reached).history)
    return seconds, epochs


def main() -> None:
    train, val = pooled()
    ours, dcnn = network(row_that_sets("data.protocol", "teacher")), network(row_that_sets("model.architecture"))
    rate = images_per_second(dcnn._replace(train=dcnn.train.model_copy(update={"precision": "float32"})))
    of_dcnn = DCNN_EPOCHS * len(train.labels) / rate
    print(
        f"claim     dcnn, float32: {rate:.0f} images/s, extrapolated to {DCNN_EPOCHS} epochs {of_dcnn / 60:.1f} min",
        flush=True,
    )
    times = []
    for seed in SEEDS:
        params = ours.train.model_copy(update={"seed": seed})
        seconds, epochs = seconds_to_claim(ours._replace(train=params), train, val)
        times.append(seconds)
        minutes = f"{seconds / 60:.1f} min, {epochs} of {params.epochs} epochs"
        print(f"claim     ours, seed {seed}: {minutes}", flush=True)
    median = float(np.median(times))
    print(
        f"claim     {CLAIM:.2%} of val after {median / 60:.1f} min (median), {median / of_dcnn:.3f} of dcnn's 36 epochs"
    )


if __name__ == "__main__":
    cli.run(main)
