"""Numbers that say how good a classifier is, from its probabilities and the true labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count int (classes, classes): row = true class, column = predicted."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def wilson_interval(right: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Give the 95 % interval of a proportion (Wilson 1927), which stays inside 0..1 unlike the normal one."""
    share = right / total
    centre = share + z**2 / (2 * total)
    margin = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    scale = 1 + z**2 / total
    return (centre - margin) / scale, (centre + margin) / scale


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of -ln p(true class), p clipped at 1e-7: an int8 model can answer exactly 0."""
    of_true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(of_true, 1e-7, 1)).mean())


def summarise(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Give the metrics of one split in one dict.

    Args:
        labels: int (n,), true classes.
        probabilities: float (n, classes).

    Returns:
        accuracy with the ends of its 95 % interval, balanced_accuracy (mean recall), macro_f1 (mean F1, each class
        weighing the same: accuracy alone would forgive a model that never says "disgust", 1.5 % of FER2013),
        log_loss, wrong (number of images), images.
    """
    predicted = probabilities.argmax(axis=1)
    table = per_class(confusion_matrix(labels, predicted, probabilities.shape[1]))
    right = int((predicted == labels).sum())
    low, high = wilson_interval(right, len(labels))
    return {
        "accuracy": right / len(labels),
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": float(table["recall"].mean()),
        "macro_f1": float(table["f1"].mean()),
        "log_loss": log_loss(labels, probabilities),
        "wrong": len(labels) - right,
        "images": len(labels),
    }


def per_class(confusion: np.ndarray, names: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Give precision, recall, f1 and support of each class; a ratio with nothing below the line is 0.

    Args:
        confusion: int (classes, classes), row = true, column = predicted.
        names: Of the classes; their numbers where left out.
    """
    hit = np.diag(confusion).astype(float)
    support, answered = confusion.sum(axis=1), confusion.sum(axis=0)
    return pd.DataFrame(
        {
            "precision": _ratio(hit, answered),
            "recall": _ratio(hit, support),
            "f1": _ratio(2 * hit, support + answered),
            "support": support,
        },
        index=pd.Index(names or range(len(confusion)), name="emotion"),
    )


def classification_report(table: pd.DataFrame, accuracy: float) -> str:
    """Write the table of `per_class` as text, with the accuracy below, for people."""
    formats: dict[Any, Any] = dict.fromkeys(("precision", "recall", "f1"), "{:.4f}".format)
    text = table.reset_index().to_string(index=False, formatters=formats)
    return f"{text}\n\naccuracy {accuracy:.4f} of {table['support'].sum():,} images\n"


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros(len(above)), where=below > 0)
