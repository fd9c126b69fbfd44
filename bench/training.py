"""Time training: images per second of each network, and MLflow's share of it.

`python -m bench.training`
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time

import numpy as np

from src.config import read_params
from src.fer2013 import Split
from src.params import ModelParams, TrainParams

IMAGES = 2048
EPOCHS = 4
FER2013_IMAGES = 16_555
"""Images of happy, sad and neutral in train under `official`."""

DCNN = {"architecture": "dcnn", "dropout": 0.6}
DCNN_TRAIN = {"optimizer": "adam", "batch_size": 32, "growth": None}
NETWORKS: dict[str, tuple[dict, dict]] = {
    "default": ({}, {}),
    "tiny": ({"width": 0.4}, {}),
    "dcnn, float32, batches of 32": (DCNN, DCNN_TRAIN | {"precision": "float32"}),
    "dcnn": (DCNN, DCNN_TRAIN),
}


def images_per_second(model: ModelParams, train: TrainParams) -> float:
    """Give the median over epochs on whole images, without the first, which traces the network."""
    from src.network.fitting import fit

    random = np.random.default_rng(0)
    faces = Split(random.integers(0, 256, (IMAGES, 48, 48, 1), np.uint8), random.integers(0, 3, IMAGES))
    few = Split(faces.images[:64], faces.labels[:64])
    moments = [time.perf_counter()]

    def keep_time(state: object) -> bool:
        moments.append(time.perf_counter())
        return False

    fit(model, train.model_copy(update={"epochs": EPOCHS, "growth": None}), faces, few, 3, on_epoch_end=keep_time)
    return float(IMAGES / np.median(np.diff(moments)[1:]))


def tracking_seconds(epochs: int) -> float:
    """Give the time that a run costs in an embedded store of its own: open, log every epoch, close."""
    from src.tracking import runs

    description = runs.Description(
        "bench", "bench", {"train.epochs": epochs}, {}, {}, {"train": ("0" * 64, 1)}, "none", "", {}
    )
    metrics = dict.fromkeys(runs.EPOCH_METRICS, 0.5)
    with runs.training(description, None, []):  # makes the store, which happens once per workspace
        pass
    start = time.perf_counter()
    with runs.training(description, None, []) as run:
        for epoch in range(epochs):
            run.log_epoch(epoch + 1, metrics)
    return time.perf_counter() - start


def main() -> dict[str, float]:
    """Print the table, and give images per second by network."""
    model, train = read_params(ModelParams), read_params(TrainParams)
    rates = {}
    for name, (of_model, of_train) in NETWORKS.items():
        rates[name] = images_per_second(model.model_copy(update=of_model), train.model_copy(update=of_train))
        print(f"training  {name:30} {rates[name]:6.0f} images/s", flush=True)
    whole = train.epochs * FER2013_IMAGES / rates["default"]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
            os.environ.pop(name, None)
        tracking = tracking_seconds(train.epochs)
    print(f"training  MLflow: {tracking:.2f} s in {train.epochs} epochs, {tracking / whole:.2%} of their {whole:.0f} s")
    return rates


if __name__ == "__main__":
    main()
