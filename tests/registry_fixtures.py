"""Fixtures for a registry to promote in: bundles of one small network, whose head's weights decide how good each is.

A plugin of the tests that name it in `pytest_plugins`; nothing else imports it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modules import ROOT
from parameters import PARAMS
from processes import ended
from shop import LABELS, Shop

from src import cli
from src.config import changed, read_params
from src.faces import splits
from src.faces.drawn import draw
from src.fer2013 import SIDE, Split
from src.params import ModelParams, PromoteParams
from src.tracking.examination import Exam

NOISE = {"good": 0.0, "fair": 0.03, "poor": 0.1}
"""Added to the head's weights; what `good` answers is made the truth."""


def to_float32_tflite(network: Any) -> bytes:
    """Convert as `conversion` does, but the one variant whose file holds the weights as they are."""
    import keras
    import tensorflow as tf

    image = keras.Input(batch_shape=(1, SIDE, SIDE, 1), dtype="uint8")
    fixed = keras.Model(image, network(keras.layers.Lambda(lambda x: keras.ops.cast(x, "float32"))(image)))
    with tempfile.TemporaryDirectory() as folder:
        fixed.export(folder, verbose=False)
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


@pytest.fixture(scope="session")
def models() -> dict[str, bytes]:
    """Give the .tflite files, by how good they are."""
    with cli.hushed():
        import keras

        from src.network import architectures

        keras.utils.set_random_seed(0)
        network = architectures.build(ModelParams(architecture="resnet", width=0.25, dropout=0.0), len(LABELS))
        faces = draw(60, seed=5)[0][..., None]
        features = keras.Model(network.input, network.layers[-2].output).predict(faces, verbose=0)
        random = np.random.default_rng(0)
        kernel = random.normal(size=(features.shape[1], len(LABELS))).astype("float32")
        kernel *= 3 / (features @ kernel).std()
        network.layers[-1].set_weights([kernel, -(features @ kernel).mean(axis=0)])  # every emotion gets its turn
        content = to_float32_tflite(network)
    stored = kernel.T.tobytes()
    assert content.count(stored) == 1
    change = random.normal(size=kernel.T.shape).astype("float32") * kernel.std()
    return {name: content.replace(stored, (kernel.T + noise * change).tobytes()) for name, noise in NOISE.items()}


@pytest.fixture(scope="session")
def exam(models: dict[str, bytes]) -> Exam:
    """Give 210 faces, labelled by what `good` says of them."""
    from src.network.litert import Classifier

    images = draw(210, seed=11)[0][..., None]
    labels = Classifier(models["good"]).predict(images).argmax(axis=1)
    return Exam(images, labels, LABELS, splits.digest(Split(images, labels), LABELS))


@pytest.fixture
def shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: dict[str, bytes], exam: Exam, empty_store: Path
) -> Shop:
    """Give a workspace of drawn faces with an empty registry, as the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, "mlflow.db")
    fixed = {"data.source": "drawn", "promote.max_latency_ratio": 100.0}  # tests share the machine
    Path("params.yaml").write_text(changed(PARAMS, fixed))
    Path("data/processed").mkdir(parents=True)
    np.savez("data/processed/test.npz", images=exam.images, labels=exam.labels)
    Path("data/processed/splits.json").write_text(json.dumps({"emotions": list(LABELS)}))
    return Shop(models, exam, read_params(PromoteParams))


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen]]:
    """Give a function that starts `python ...` in the current folder, and end what is left of it."""

    def run(*arguments: str) -> subprocess.Popen:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, *arguments]
        process = subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        started.append(process)
        return process

    with ended() as started:
        yield run
