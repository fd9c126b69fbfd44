"""Fixtures for a registry to promote in: bundles of one small network, whose head's weights decide how good each is.

A plugin of the tests that name it in `pytest_plugins`; nothing else imports it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from modules import ROOT
from networks import random_network
from parameters import PARAMS
from processes import ended
from shop import LABELS, Shop

from src import cli
from src.config import changed, read_params
from src.faces import splits
from src.faces.drawn import draw
from src.fer2013 import Split
from src.params import ModelParams, PromoteParams
from src.tracking.examination import Exam

NOISE = {"good": 0.0, "fair": 0.03, "poor": 0.1}
"""Added to the head's weights; what `good` answers is made the truth."""


@pytest.fixture(scope="session")
def models() -> dict[str, bytes]:
    """Give the .tflite files, by how good they are."""
    params = ModelParams(architecture="resnet", width=0.25, dropout=0.0)
    network = random_network(params, len(LABELS), draw(60, seed=5)[0][..., None], spread=3)
    with cli.hushed():
        from src.network import conversion

        content = conversion.to_tflite(network, "uint8", float32=None)["float32"]
    kernel, _ = network.layers[-1].get_weights()
    stored = kernel.T.tobytes()
    assert content.count(stored) == 1
    change = np.random.default_rng(1).normal(size=kernel.T.shape).astype("float32") * kernel.std()
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
