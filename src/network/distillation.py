"""What the teacher says of the images that its student is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from src.fer2013 import EMOTIONS
from src.network import precision
from src.network.architectures import build
from src.params import TeacherParams

LEAST = np.float32(1e-30)
"""A teacher that is very sure of another emotion gives exactly 0 to all of these."""
Teacher = Callable[[np.ndarray], np.ndarray]
"""From images (n, side, side, 1) float32, 0..255, to probabilities (n, classes) float32."""


def load(path: Path, params: TeacherParams, emotions: tuple[str, ...]) -> Teacher:
    """Load the teacher, asked about these emotions alone.

    Args:
        path: The float32 model of the stage `teacher`, which knows all of `EMOTIONS`.
        params: What that stage was given.
        emotions: The student's, in the order of `EMOTIONS`.
    """
    with precision.policy(params.train.precision):
        model = build(params.model, len(EMOTIONS), side=None)
    model.set_weights(keras.saving.load_model(path, compile=False).get_weights())
    columns = [EMOTIONS.index(name) for name in emotions]
    side = None

    def teach(images: np.ndarray) -> np.ndarray:
        nonlocal side
        if side != (side := images.shape[1]):
            model.make_predict_function(force=True)  # traced anew, as in `fit`
        chosen = keras.ops.convert_to_numpy(model.predict_on_batch(images))[:, columns]
        chosen = np.maximum(chosen, LEAST)
        return chosen / chosen.sum(axis=1, keepdims=True)

    return teach
