"""How time and memory of the stages grow with the number of faces, as whole processes.

`python -m bench.growth`. The network is small and has no teacher, and learns for one epoch: what grows is the same.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from bench import process
from bench.process import Cost
from src import cli
from src.demo import make_workspace
from src.fer2013 import EMOTIONS, SIDE, USAGES

FACES = (9_000, 18_000, 36_000)
STAGES = ("pull", "preprocess", "train")
RUNS = 3
ONE_EPOCH = {
    "data.source": "fer2013", "data.emotions": list(EMOTIONS), "teacher": None, "model.width": 0.25,
    "train.epochs": 1, "train.warmup_epochs": 0, "train.growth": None,
}  # fmt: skip


def write_csv(path: Path, faces: int) -> None:
    """Write noise in the form of fer2013.csv: as many bytes to parse as faces, and no two alike."""
    random = np.random.default_rng(faces)
    with path.open("w") as file:
        file.write("emotion,pixels,Usage\n")
        for row in range(faces):
            pixels = " ".join(map(str, random.integers(0, 256, SIDE * SIDE)))
            usage = USAGES[max(0, row % 10 - 7)]  # eight, one and one tenths
            file.write(f"{random.integers(len(EMOTIONS))},{pixels},{usage}\n")


def main() -> dict[tuple[str, int], Cost]:
    """Print the table, and give the cost by stage and number of faces."""
    costs = {}
    for faces in FACES:
        with tempfile.TemporaryDirectory() as folder:
            workspace = Path(folder)
            make_workspace(workspace, ONE_EPOCH)
            write_csv(workspace / "fer2013.csv", faces)
            for stage in STAGES:
                runs = [process.run(f"src.{stage}", cwd=workspace, FER2013_SOURCE="fer2013.csv") for _ in range(RUNS)]
                costs[stage, faces] = process.median(runs)
                print(f"growth    {stage:12} {faces:7,} faces {costs[stage, faces]}", flush=True)
    return costs


if __name__ == "__main__":
    cli.run(main)
