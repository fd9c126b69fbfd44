"""What is counted and chosen for the data report."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from src.fer2013 import EMOTIONS, USAGES

COLUMNS = 7
"""Faces of each emotion, as in the seed; also pairs of copies of each kind."""


class Data(NamedTuple):
    """All faces of the source, and what became of them.

    Attributes:
        images: uint8 (n, 48, 48).
        emotions: uint8 (n,), index into `EMOTIONS`.
        usages: uint8 (n,), index into `USAGES`.
        rows: int32 (n,), row in the source.
        identity: int (n,), shared by exactly the identical images.
        splits: train, val and test -> positions of their faces.
        summary: Content of splits.json.
    """

    images: np.ndarray
    emotions: np.ndarray
    usages: np.ndarray
    rows: np.ndarray
    identity: np.ndarray
    splits: dict[str, np.ndarray]
    summary: dict[str, Any]


def counts(data: Data) -> pd.DataFrame:
    """Count images by emotion: one column per usage in the source and per split, as int."""
    found = {
        usage: np.bincount(data.emotions[data.usages == code], minlength=len(EMOTIONS))
        for code, usage in enumerate(USAGES)
    }
    found |= {
        name: np.bincount(data.emotions[positions], minlength=len(EMOTIONS)) for name, positions in data.splits.items()
    }
    return pd.DataFrame(found, index=pd.Index(EMOTIONS, name="emotion"))


def duplicates(data: Data) -> pd.DataFrame:
    """Count, for each usage of the source, images that are there more than once.

    Returns:
        One row per usage: images, surplus copies (beyond the first within the usage), also in each usage (images that
        have a copy there), other label (images with a copy, anywhere, of another emotion).
    """
    table = pd.DataFrame({"identity": data.identity, "emotion": data.emotions, "usage": data.usages})
    other = table.groupby("identity")["emotion"].transform("nunique") > 1
    found = {}
    for code, usage in enumerate(USAGES):
        mine = table[data.usages == code]
        elsewhere = {
            f"also in {other_usage}": int(mine["identity"].isin(data.identity[data.usages == other_code]).sum())
            for other_code, other_usage in enumerate(USAGES)
            if other_code != code
        }
        surplus = int(mine["identity"].duplicated().sum())
        found[usage] = {
            "images": len(mine),
            "surplus copies": surplus,
            **elsewhere,
            "other label": int(other[mine.index].sum()),
        }
    columns = ["images", "surplus copies", *(f"also in {usage}" for usage in USAGES), "other label"]
    return pd.DataFrame.from_dict(found, "index")[columns].fillna(0).astype(int).rename_axis("usage")


def pixels(data: Data) -> pd.DataFrame:
    """Describe the grey levels of each split: mean and deviation of all pixels, mean contrast, flat images."""
    found = {}
    for name, positions in data.splits.items():
        images = data.images[positions]
        contrast = images.std(axis=(1, 2))
        found[name] = {
            "mean": images.mean(),
            "deviation": images.std(),
            "contrast": contrast.mean(),
            "flat images": int((contrast == 0).sum()),
        }
    return pd.DataFrame.from_dict(found, "index").rename_axis("split")


def copies(data: Data, count: int = COLUMNS, seed: int = 0) -> dict[str, np.ndarray]:
    """Choose pairs of identical images at random, one of each group: kind -> int (pairs, 2), positions."""
    order = np.argsort(data.identity, kind="stable")
    pairs = np.column_stack([order[:-1], order[1:]])
    pairs = pairs[data.identity[pairs[:, 0]] == data.identity[pairs[:, 1]]]
    pairs = np.random.default_rng(seed).permutation(pairs)
    pairs = pairs[np.unique(data.identity[pairs[:, 0]], return_index=True)[1]]
    first, second = np.random.default_rng(seed).permutation(pairs).T
    same_part, same_label = data.usages[first] == data.usages[second], data.emotions[first] == data.emotions[second]
    kinds = {
        "within a part": same_part & same_label,
        "across parts": ~same_part & same_label,
        "other label": ~same_label,
    }
    return {kind: np.column_stack([first, second])[chosen][:count] for kind, chosen in kinds.items()}
