"""Facts of the FER2013 data set that every room shares."""

from typing import NamedTuple

import numpy as np

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Emotion names; the index is the code in the column `emotion` of fer2013.csv."""

USAGES = ("Training", "PublicTest", "PrivateTest")
"""Values of the column `Usage`; the index is the code in the table that `pull` writes."""

SIDE = 48
"""Height and width of every image, in pixels."""


class Split(NamedTuple):
    """One of train, val and test.

    Attributes:
        images: uint8 array (n, 48, 48, 1), grey levels 0..255.
        labels: int64 array (n,), index into the chosen emotions in the order of `EMOTIONS`.
    """

    images: np.ndarray
    labels: np.ndarray
