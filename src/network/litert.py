"""Run a .tflite model the way the phone does: one image at a time, on one thread, by LiteRT."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np


class Classifier:
    """A loaded .tflite model, uint8 (1, 48, 48, 1) in, float32 probabilities (1, n) out."""

    def __init__(self, model: Path | bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        content = model if isinstance(model, bytes) else model.read_bytes()
        self._interpreter = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        (self.input,) = self._interpreter.get_input_details()
        (self.output,) = self._interpreter.get_output_details()

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Give probabilities (n, classes) float32 of images (n, 48, 48, 1) uint8."""
        probabilities = np.empty((len(images), self.output["shape"][1]), np.float32)
        for image, row in zip(images, probabilities, strict=True):
            self._interpreter.set_tensor(self.input["index"], image[None])
            self._interpreter.invoke()
            row[:] = self._interpreter.get_tensor(self.output["index"])[0]
        return probabilities

    def latency_ms(self, image: np.ndarray, calls: int) -> float:
        """Give the median time of `calls` single predictions of one image (48, 48, 1), in milliseconds."""
        seconds = []
        for _ in range(calls):
            start = time.perf_counter()
            self.predict(image[None])
            seconds.append(time.perf_counter() - start)
        return float(np.median(seconds) * 1000)
