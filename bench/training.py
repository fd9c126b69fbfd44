"""Time training: images per second of the networks of README's results table, and MLflow's share.

`python -m bench.training`
"""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

import numpy as np

from bench import process
from src import cli, paths
from src.config import changed, parse_yaml, read_params
from src.demo import ROOT, make_workspace
from src.fer2013 import EMOTIONS, SIDE, Split
from src.params import DataParams, Growth, ModelParams, TeacherParams, TrainParams

if TYPE_CHECKING:
    from src.network.distillation import Teacher

IMAGES = 2048
EPOCHS = 4
FER2013_IMAGES, FER2013_VAL = 16_555, 2_141
"""Images of happy, sad and neutral in train and val under `official`."""
WATCHED, WATCHED_S = "watched.txt", 60
RUNS = 3


class Network(NamedTuple):
    """What a row of the results table trains."""

    model: ModelParams
    train: TrainParams


def networks() -> dict[str, Network]:
    """Give the default, `tiny` and `dcnn`."""
    rows = {"default": {}, "tiny": row_that_sets("model.width"), "dcnn": row_that_sets("model.architecture")}
    return {name: network(row) for name, row in rows.items()}


def row_that_sets(*names: str) -> dict[str, str]:
    """Give the settings of the one row of README's results table whose command sets these parameters."""
    commands = re.findall(r"`dvc exp run ([^`]+)`", (ROOT / "README.md").read_text(encoding="utf-8"))
    rows = [dict(word.split("=", 1) for word in shlex.split(command) if "=" in word) for command in commands]
    (row,) = [row for row in rows if row.keys() >= set(names)]
    return row


def network(settings: dict[str, str]) -> Network:
    """Give what params.yaml with these settings trains."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    sections = parse_yaml(changed(text, {name: parse_yaml(value) for name, value in settings.items()}))
    return Network(ModelParams.model_validate(sections["model"]), TrainParams.model_validate(sections["train"]))


def images_per_second(network: Network, side: int = SIDE, teacher: Teacher | None = None) -> float:
    """Give the median over epochs on images of one side, without the first epoch, which traces the network.

    An epoch scores as much of val for its images as on FER2013.
    """
    from src.network.fitting import fit

    random = np.random.default_rng(0)
    faces = Split(random.integers(0, 256, (IMAGES, SIDE, SIDE, 1), np.uint8), random.integers(0, 3, IMAGES))
    scored = IMAGES * FER2013_VAL // FER2013_IMAGES
    val = Split(faces.images[:scored], faces.labels[:scored])
    moments = [time.perf_counter()]

    def keep_time(state: object) -> bool:
        moments.append(time.perf_counter())
        return False

    growth = Growth(side=side, share=0.99) if side != SIDE else None  # of four epochs: all
    train = network.train.model_copy(update={"epochs": EPOCHS, "growth": growth})
    fit(network.model, train, faces, val, 3, teacher, on_epoch_end=keep_time)
    return float(IMAGES / np.median(np.diff(moments)[1:]))


def gain_by_fused_normalisation(network: Network) -> float:
    """Give the ratio of `images_per_second` to what it is by Keras's own batch normalisation, median of three turns."""
    import keras

    from src.network import fitting

    ratios = []
    for _ in range(3):
        ours = images_per_second(network)
        with mock.patch.object(fitting, "BatchNormalization", keras.layers.BatchNormalization):
            ratios.append(ours / images_per_second(network))
    return float(np.median(ratios))


def untrained_teacher() -> Teacher:
    """Give a teacher as params.yaml asks for it, which has learned nothing but costs as much."""
    from src.network import architectures, distillation

    params = read_params(TeacherParams)
    with tempfile.TemporaryDirectory() as folder, chdir(folder), cli.hushed():
        for number in range(params.members):
            with paths.replacing(paths.teacher(number) / "model.keras") as path:
                architectures.build(params.model, len(EMOTIONS)).save(path)
        return distillation.load(params, EMOTIONS[:3])


def training_seconds(default: Network) -> float:
    """Print the rates of the default with its teacher, and give the seconds of its whole training."""
    growth, epochs, teacher = default.train.growth, default.train.epochs, untrained_teacher()
    small = sum(1 for epoch in range(epochs) if growth and epoch < growth.share * epochs)
    seconds = 0.0
    for side, count in ((growth.side if growth else SIDE, small), (SIDE, epochs - small)):
        if count:
            rate = images_per_second(default, side, teacher)
            seconds += count * FER2013_IMAGES / rate
            print(f"training  {f'default with its teacher, {side} pixels':45} {rate:6.0f} images/s", flush=True)
    print(f"training  the default's {epochs} epochs on FER2013: {seconds / 60:.0f} min", flush=True)
    return seconds


def track(epochs: int, seconds: float) -> None:
    """Open a run as `train` does, log every epoch, stay open for so long, and close it; without epochs, open none.

    WATCHED gets the CPU seconds that staying open took.
    """
    from src import train
    from src.tracking import runs

    data, network = read_params(DataParams), Network(read_params(ModelParams), read_params(TrainParams))
    split = {"digest": "0" * 64, "images": FER2013_IMAGES}
    summary = {"emotions": data.emotions, "protocol": data.protocol, "digest": "0" * 64, "source": {"md5": None},
               "splits": dict.fromkeys(("train", "val", "test"), split)}  # fmt: skip
    description = train.describe(data, *network, summary, "none")
    if not epochs:
        return
    with runs.training(description, None, []) as run:
        for epoch in range(epochs):
            run.log_epoch(epoch + 1, dict.fromkeys(runs.EPOCH_METRICS, 0.5))
        before = time.process_time()
        time.sleep(seconds)
        Path(WATCHED).write_text(str(time.process_time() - before))


def print_share_of_mlflow(epochs: int, whole_s: float) -> None:
    """Print what MLflow takes of a training: import, run and epochs, and the watch over the machine meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        make_workspace(workspace, {})

        def cpu_s(epochs: int, seconds: float) -> float:
            return process.run("bench.training", str(epochs), str(seconds), cwd=workspace).cpu_s

        cpu_s(epochs, WATCHED_S)  # makes the store, too
        watching = float((workspace / WATCHED).read_text()) / WATCHED_S
        once = float(np.median([cpu_s(epochs, 0) - cpu_s(0, 0) for _ in range(RUNS)]))
    print(
        f"training  MLflow: {once:.1f} s CPU for the run and its {epochs} epochs, {watching:.2%} of a core to watch "
        f"the machine: {once / whole_s + watching:.2%} of {whole_s:.0f} s",
        flush=True,
    )


def main() -> dict[str, float]:
    """Print the table, and give images per second by network."""
    from src.network import precision

    found, rates = networks(), {}
    single = found["dcnn"]._replace(train=found["dcnn"].train.model_copy(update={"precision": "float32"}))
    for name, each in (*found.items(), ("dcnn", single)):
        name = f"{name}, {precision.resolve(each.train.precision)}"
        if name not in rates:
            rates[name] = images_per_second(each)
            print(f"training  {f'{name}, {SIDE} pixels, no teacher':45} {rates[name]:6.0f} images/s", flush=True)
    gain = gain_by_fused_normalisation(found["default"])
    print(f"training  the default by the fused batch normalisation: {gain:.2f} times Keras's rate", flush=True)
    print_share_of_mlflow(found["default"].train.epochs, training_seconds(found["default"]))
    return rates


if __name__ == "__main__":
    track(int(sys.argv[1]), float(sys.argv[2])) if len(sys.argv) > 1 else cli.run(main)
