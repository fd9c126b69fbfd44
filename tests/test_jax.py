import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from src import export

SMALL = {
    "data": {"drawn_images": 700},
    "model": {"architecture": "resnet_flat", "width": 0.125},
    "train": {"epochs": 2, "batch_size": 32, "precision": "auto", "growth": None},
    "export": {"max_drop": 0.5},
}
QUICK_TO_COMPILE = "--xla_backend_optimization_level=0"


def test_jax_trains_and_tensorflow_exports(
    make_workspace: Callable[..., Path], start_stage: Callable[..., subprocess.Popen], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace("workspace", **SMALL)

    def run(stage: str) -> tuple[int, str]:
        status = start_stage(workspace, stage, KERAS_BACKEND="jax", XLA_FLAGS=QUICK_TO_COMPILE).wait()
        return status, (workspace / "log.txt").read_text()

    status, log = run("train")
    assert status == 0, log
    assert len(pd.read_csv(workspace / "models/history.csv")) == 2
    assert json.loads((workspace / "models/run.json").read_text())["tags"]["backend"] == "jax"

    status, log = run("export")
    assert (status, log.splitlines()[-1][:41]) == (1, "error: found the Keras backend 'jax', exp"), log

    monkeypatch.chdir(workspace)
    Path("data/processed/test.npz").unlink()  # nothing that chooses may look at it
    export.main([])  # by TensorFlow, the backend of these tests
    variants = json.loads((workspace / "models/mobile/variants.json").read_text())["variants"]
    assert variants["float32"]["agreement"] == 1
