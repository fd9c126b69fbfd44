"""Whether the model is right as often as it is sure, and what a "not sure" threshold costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from src.report.metrics import wilson_interval

BINS = 15
THRESHOLDS = np.arange(0.3, 1.0, 0.025).round(3)


def by_confidence(labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """Sort the images by confidence into bins of about equally many, and compare confidence with accuracy in each.

    Bins of equal mass (Nguyen & O'Connor 2015): with equal widths most would be nearly empty. Images of the same
    confidence share a bin, so that their order does not matter.

    Args:
        labels: int (n,), true classes.
        probabilities: float (n, classes).
        bins: At most so many.

    Returns:
        One row per bin, ascending: images, confidence (mean of the largest probability), accuracy with the ends of its
        95 % interval.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    rows = []
    less_sure = np.searchsorted(np.sort(confidence), confidence)  # how many are less sure than each
    bin_of = less_sure * min(bins, len(labels)) // len(labels)
    for positions in (np.flatnonzero(bin_of == number) for number in np.unique(bin_of)):
        low, high = wilson_interval(int(right[positions].sum()), len(positions))
        rows.append((len(positions), confidence[positions].mean(), right[positions].mean(), low, high))
    return pd.DataFrame(rows, columns=["images", "confidence", "accuracy", "accuracy_low", "accuracy_high"])


def expected_error(bins: pd.DataFrame) -> float:
    """Give the expected calibration error: the mean of |accuracy - confidence|, bins weighing as their images."""
    gaps = (bins["accuracy"] - bins["confidence"]).abs()
    return float(np.average(gaps, weights=bins["images"]))


def coverage(labels: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray = THRESHOLDS) -> pd.DataFrame:
    """Say what remains and how good it is when answers below a confidence are withheld.

    Args:
        labels: int (n,), true classes.
        probabilities: float (n, classes).
        thresholds: Ascending, in 0..1.

    Returns:
        One row per threshold that any answer reaches: threshold, coverage (share answered), precision (share right of
        those answered).
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    rows = [
        (threshold, answered.mean(), right[answered].mean())
        for threshold in thresholds
        if (answered := confidence >= threshold).any()
    ]
    return pd.DataFrame(rows, columns=["threshold", "coverage", "precision"])
