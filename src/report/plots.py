"""Figures for people: legible in the MLflow UI and in print, safe for colour-blind eyes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

TRAIN, VAL = sns.color_palette("colorblind")[:2]


def confusion_heatmap(confusion: np.ndarray, names: tuple[str, ...], title: str) -> Figure:
    """Draw counts, with each row's shares as the colour and below the count.

    Args:
        confusion: int (classes, classes), row = true, column = predicted.
        names: Of the classes.
        title: Says which model on which images.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    cells = [[f"{n:,}\n{p:.0%}" for n, p in zip(*row, strict=True)] for row in zip(confusion, shares, strict=True)]
    side = 2.2 + 0.9 * len(names)
    figure, axes = plt.subplots(figsize=(side + 0.8, side), layout="constrained")
    sns.heatmap(shares, annot=np.array(cells), fmt="", cmap="Blues", vmin=0, vmax=1, square=True, ax=axes,
                xticklabels=names, yticklabels=names, cbar_kws={"label": "share of the true emotion"})  # fmt: skip
    axes.set(title=title, xlabel="predicted", ylabel="true")
    return figure


def training_curves(history: pd.DataFrame, title: str) -> Figure:
    """Draw accuracy and loss by epoch, train and val, the best epoch marked.

    Args:
        history: The columns of history.csv: loss, accuracy, val_loss, val_accuracy; one row per epoch.
        title: Says which training.
    """
    epochs = np.arange(1, len(history) + 1)
    best = int(history["val_accuracy"].argmax())
    figure, both = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axes, metric in zip(both, ("accuracy", "loss"), strict=True):
        axes.plot(epochs, history[metric], color=TRAIN, marker=".", label="train (augmented)")
        axes.plot(epochs, history[f"val_{metric}"], color=VAL, marker=".", linestyle="--", label="val")
        axes.axvline(best + 1, color="0.5", linestyle=":", label=f"best epoch: {best + 1}")
        axes.set(xlabel="epoch", ylabel=metric)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    figure.suptitle(title)
    return figure
