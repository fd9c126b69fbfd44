"""Time the way from fer2013.csv to arrays to train on: this project's stages, and the seed's way, in turns.

`python -m bench.pull`. FER2013_SOURCE names the file; an archive is unpacked to a temporary file first. Without it they
read noise of as many rows.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import growth, process
from src import cli
from src.demo import make_workspace
from src.faces.sources import VARIABLE, find, open_csv

RUNS = 3
ROWS = 36_000
SEED_EMOTIONS = (3, 4, 6)


def seed(path: Path) -> None:
    """Do as the notebook did: parse, keep three emotions, encode, split 90/10, scale."""
    import numpy as np
    import pandas as pd
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import LabelEncoder

    faces: Any = pd.read_csv(path, skipinitialspace=True)
    faces = faces[faces.emotion.isin(SEED_EMOTIONS)]
    images = faces.pixels.apply(lambda pixels: np.array(pixels.split(" ")).reshape(48, 48, 1).astype("float32"))
    images = np.stack(list(images), axis=0)
    labels = np.eye(len(SEED_EMOTIONS))[LabelEncoder().fit_transform(faces.emotion)]
    train, val, *_ = train_test_split(images, labels, shuffle=True, stratify=labels, test_size=0.1, random_state=42)
    print(len(train / 255.0), len(val / 255.0))


def write_csv(path: Path) -> None:
    """Write fer2013.csv, or noise in its form where there is none, as of a folder of pictures."""
    where = os.environ.get(VARIABLE)
    found = find(Path(where).expanduser()) if where else None
    if found is None or found.is_dir():
        growth.write_csv(path, ROWS)
        return
    with open_csv(found) as stream, path.open("wb") as unpacked:
        while block := stream.read(1 << 20):
            unpacked.write(block)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        make_workspace(workspace, {"data.source": "fer2013", "data.emotions": ["happy", "sad", "neutral"]})
        write_csv(workspace / "fer2013.csv")
        words = {
            "pull": ["src.pull"],
            "preprocess": ["src.preprocess"],
            "the seed's way": ["bench.pull", "fer2013.csv"],
        }
        costs: dict[str, list[process.Cost]] = {name: [] for name in words}
        for _ in range(RUNS):
            for name, command in words.items():
                costs[name].append(process.run(*command, cwd=workspace, FER2013_SOURCE="fer2013.csv"))
    medians = {name: process.median(several) for name, several in costs.items()}
    for name, cost in medians.items():
        print(f"pull      {name:30} {cost}", flush=True)
    ours, theirs = medians["pull"].wall_s + medians["preprocess"].wall_s, medians["the seed's way"].wall_s
    print(f"pull      the seed's way takes {theirs / ours:.1f} times as long as both (medians of {RUNS})", flush=True)


if __name__ == "__main__":
    seed(Path(sys.argv[1])) if len(sys.argv) > 1 else cli.run(main)
