"""Two classifiers on the same images: is one better, or is it chance?"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

SIGNIFICANCE = 0.05
RESAMPLES = 10_000


class Comparison(NamedTuple):
    """The second classifier against the first.

    Attributes:
        gained: Images that only the second is right about.
        lost: Images that only the first is right about.
        difference: Accuracy of the second less that of the first.
        low: Lower end of the 95 % interval of the difference.
        high: Upper end.
        p: Of McNemar's exact test, two-sided.
    """

    gained: int
    lost: int
    difference: float
    low: float
    high: float
    p: float

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `not told apart` where chance alone does as much in one of twenty comparisons."""
        if self.p >= SIGNIFICANCE:
            return "not told apart"
        return "better" if self.difference > 0 else "worse"

    def __str__(self) -> str:
        points, low, high = (100 * share for share in (self.difference, self.low, self.high))
        return (
            f"difference {points:+.2f} points (95 % interval {low:+.2f} to {high:+.2f}), "
            f"{self.gained} images gained and {self.lost} lost, McNemar's exact p = {self.p:.2g}: {self.verdict}"
        )


def compare(second: np.ndarray, first: np.ndarray, seed: int = 0) -> Comparison:
    """Compare two classifiers image by image.

    McNemar's exact test (Fagerland, Lydersen and Laake 2013) asks the images that only one is right about whether a
    fair coin could have dealt them. The interval is the percentile bootstrap of the paired difference; drawing images
    with replacement is drawing the counts of gained, lost and equal images, so a multinomial does it at once.

    Args:
        second: bool (n,), which images it is right about; the candidate, the later one.
        first: bool (n,), the same of the same images.
        seed: Of the resampling.
    """
    images = len(second)
    gained, lost = int((second & ~first).sum()), int((first & ~second).sum())
    tosses = gained + lost
    tail = sum(math.comb(tosses, heads) for heads in range(min(gained, lost) + 1))  # whole numbers: exact
    p = min(1.0, 2 * tail / 2**tosses)
    shares = np.array([gained, lost, images - gained - lost]) / images
    draws = np.random.default_rng(seed).multinomial(images, shares, size=RESAMPLES)
    low, high = np.percentile((draws[:, 0] - draws[:, 1]) / images, [2.5, 97.5])
    return Comparison(gained, lost, (gained - lost) / images, float(low), float(high), p)


class Disagreement(NamedTuple):
    """Two classifiers' answers to the images of one split.

    Attributes:
        labels: int (n,), true classes.
        first: float (n, classes), probabilities of the first.
        second: float (n, classes), those of the second.
    """

    labels: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def right(self) -> tuple[np.ndarray, np.ndarray]:
        """Say for each which images it is right about, bool (n,)."""
        first, second = (each.argmax(axis=1) == self.labels for each in (self.first, self.second))
        return first, second

    def by_emotion(self, names: tuple[str, ...]) -> pd.DataFrame:
        """Count, for all images and for those of each emotion, who is right, with McNemar's p."""
        first, second = self.right()
        chosen = {"all": np.ones(len(self.labels), bool)}
        chosen |= {name: self.labels == index for index, name in enumerate(names)}
        rows = {}
        for name, images in chosen.items():
            found = compare(second[images], first[images])
            rows[name] = {
                "images": int(images.sum()),
                "first": float(first[images].mean()),
                "second": float(second[images].mean()),
                "only_first": found.lost,
                "only_second": found.gained,
                "p": found.p,
            }
        return pd.DataFrame.from_dict(rows, orient="index")

    def only(self, which: int) -> np.ndarray:
        """Give the positions that only the first (0) or the second (1) is right about, the other's surest error first.

        Returns:
            int (k,).
        """
        right = self.right()
        positions = np.flatnonzero(right[which] & ~right[1 - which])
        sure = (self.second, self.first)[which].max(axis=1)[positions]
        return positions[np.argsort(-sure, kind="stable")]
