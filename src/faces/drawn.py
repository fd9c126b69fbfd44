"""Faces drawn by code: every emotion, no real person, for trying the project without any data."""

from __future__ import annotations

import cv2
import numpy as np

from src.faces.painting import light, paint
from src.faces.people import sample_expression, sample_face
from src.fer2013 import EMOTIONS, SIDE


def draw(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw faces whose emotions take turns; face i depends on (seed, i) alone, not on `count`.

    Args:
        count: Number of faces.
        seed: Another seed draws other people; at least 0.

    Returns:
        Images uint8 (count, 48, 48), and emotion codes uint8 (count,): 0, 1, .. 6, 0, .., index into `EMOTIONS`.
    """
    codes = (np.arange(count) % len(EMOTIONS)).astype(np.uint8)
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for i, code in enumerate(codes):
        rng = np.random.default_rng((seed, i))
        face, expression = sample_face(rng), sample_expression(rng, EMOTIONS[code])
        picture = cv2.GaussianBlur(paint(face, expression) * light(face, expression), (0, 0), face.blur)
        images[i] = np.clip(picture + rng.normal(0, face.noise, picture.shape), 0, 255)
    return images, codes
