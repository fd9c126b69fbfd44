"""What the teacher says of the images that its student is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from src import paths
from src.fer2013 import EMOTIONS
from src.network import precision
from src.network.architectures import build
from src.params import TeacherParams

LEAST = np.float32(1e-30)
"""A teacher that is very sure of another emotion gives exactly 0 to all of these."""


class Teacher(NamedTuple):
    """Whom a network learns from.

    Attributes:
        answer: From images (n, side, side, 1) float32, 0..255, and the number of the step to probabilities (n, classes)
            float32.
        weights: What the network may begin with, as `model.get_weights()` gives them.
    """

    answer: Callable[[np.ndarray, int], np.ndarray]
    weights: list[np.ndarray]


def load(params: TeacherParams, emotions: tuple[str, ...]) -> Teacher:
    """Load the teacher, asked about these emotions alone.

    Its members take turns in answering, a step each: the cross-entropy is linear in its targets, so that on average the
    student learns from their mean, at the price of one. The weights are those of the first, with the outputs of these
    emotions.

    Args:
        params: What the stage `teacher` was given, whose float32 models know all of `EMOTIONS`.
        emotions: The student's, in the order of `EMOTIONS`.

    Raises:
        FileNotFoundError: A member is missing.
    """
    members = [_load(paths.teacher(number), params) for number in range(params.members)]
    columns = [EMOTIONS.index(name) for name in emotions]
    side = None

    def answer(images: np.ndarray, step: int) -> np.ndarray:
        nonlocal side
        if side != (side := images.shape[1]):
            for member in members:
                member.make_predict_function(force=True)  # traced anew, as in `fit`
        model = members[step % len(members)]
        chosen = keras.ops.convert_to_numpy(model.predict_on_batch(images))[:, columns]
        chosen = np.maximum(chosen, LEAST)
        return chosen / chosen.sum(axis=1, keepdims=True)

    *features, kernel, bias = members[0].get_weights()
    return Teacher(answer, [*features, kernel[:, columns], bias[columns]])


def _load(folder: Path, params: TeacherParams) -> keras.Model:
    """Give the model in this folder, for images of any side and under the dtype policy that it was trained under."""
    path = paths.existing(folder / "model.keras", "teacher")
    with precision.policy(params.train.precision):
        model = build(params.model, len(EMOTIONS), side=None)
    model.load_weights(path)
    return model
