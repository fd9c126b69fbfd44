"""Figures of numbers: confusion, training, calibration, confidence and robustness."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from src.report import style


def confusion_heatmaps(confusion: np.ndarray, names: tuple[str, ...], title: str) -> Figure:
    """Draw the confusion matrix twice: counts, and each row's shares.

    Args:
        confusion: int (classes, classes), row = true, column = predicted.
        names: Of the classes.
        title: Says which model on which images.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    side = 2 + 0.8 * len(names)
    figure = style.canvas(2 * side + 1, side)
    for axes, cells, form, label in (
        (figure.add_subplot(1, 2, 1), confusion, ",d", "images"),
        (figure.add_subplot(1, 2, 2), shares, ".0%", "share of the true emotion"),
    ):
        sns.heatmap(cells, annot=True, fmt=form, cmap="Blues", vmin=0, square=True, ax=axes, xticklabels=names,
                    yticklabels=names, vmax=1 if form == ".0%" else None, cbar_kws={"label": label, "shrink": 0.8},
                    annot_kws={"fontsize": 11})  # fmt: skip
        axes.set(xlabel="predicted", ylabel="true", title=label)
    figure.suptitle(title)
    return figure


def training_curves(history: pd.DataFrame, title: str) -> Figure:
    """Draw accuracy and loss by epoch, train and val, the best epoch marked.

    Args:
        history: The columns of history.csv: loss, accuracy, val_loss, val_accuracy; one row per epoch.
        title: Says which training.
    """
    epochs = np.arange(1, len(history) + 1)
    best = int(history["val_accuracy"].argmax())
    figure = style.canvas(10, 4)
    for axes, metric in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        axes.plot(epochs, history[metric], color=style.SPLITS["train"], marker=".", label="train")
        axes.plot(epochs, history[f"val_{metric}"], color=style.SPLITS["val"], marker=".", linestyle="--", label="val")
        axes.axvline(best + 1, color=style.GREY, linestyle=":")
        kept = history[f"val_{metric}"].iloc[best]
        axes.plot(best + 1, kept, color="black", marker="*", markersize=11, linestyle="none",
                  label=f"best epoch: {best + 1} (val {kept:.3f})")  # fmt: skip
        axes.set(xlabel="epoch", ylabel=metric)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    figure.suptitle(title)
    return figure


def history_violins(history: pd.DataFrame, title: str) -> Figure:
    """Draw how the accuracies and losses of all epochs are distributed, train beside val.

    Args:
        history: As for `training_curves`.
        title: Says which training.
    """
    figure = style.canvas(9, 4)
    for axes, metric in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        values = pd.DataFrame({"train": history[metric], "val": history[f"val_{metric}"]})
        sns.violinplot(data=values, palette=[style.SPLITS["train"], style.SPLITS["val"]], inner="quart", cut=0, ax=axes)
        axes.set(ylabel=f"{metric}, one value per epoch")
    figure.suptitle(title)
    return figure


def reliability_diagram(bins: pd.DataFrame, error: float, title: str) -> Figure:
    """Draw how often the model is right against how sure it is.

    Args:
        bins: As `reliability.by_confidence` gives them.
        error: Expected calibration error.
        title: Says which model on which images.
    """
    figure = style.canvas(5.5, 5)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=style.GREY, linestyle=":", label="as sure as it is right")
    # Where every image is right, rounding can put the upper end below the accuracy.
    margins = [
        (bins["accuracy"] - bins["accuracy_low"]).clip(lower=0),
        (bins["accuracy_high"] - bins["accuracy"]).clip(lower=0),
    ]
    axes.errorbar(bins["confidence"], bins["accuracy"], yerr=margins, color=style.BLUE, marker="o", capsize=3,
                  label=f"{len(bins)} bins of about equally many\nimages, 95 % intervals")  # fmt: skip
    lowest = 0.95 * min(bins["confidence"].min(), bins["accuracy_low"].min())
    axes.set(xlabel="mean confidence of the bin", ylabel="accuracy of the bin")
    axes.set(xlim=(lowest, 1.01), ylim=(lowest, 1.01))
    axes.legend(loc="upper left")
    axes.set_title(f"{title}\nexpected calibration error {error:.3f}")
    return figure


def coverage_curve(table: pd.DataFrame, title: str) -> Figure:
    """Draw what an app gains and loses that says "not sure" below a threshold.

    Args:
        table: As `reliability.coverage` gives it.
        title: Says which model on which images.
    """
    figure = style.canvas(7, 4.2)
    axes = figure.subplots()
    precision, coverage = style.MODELS[:2]
    axes.plot(table["threshold"], table["precision"], label="precision: right, of those answered", **line(precision))
    axes.plot(table["threshold"], table["coverage"], label="coverage: answered, of all", **line(coverage))
    axes.set(xlabel='threshold: answers less confident than this become "not sure"', ylabel="share of images",
             ylim=(0, 1.02), title=title)  # fmt: skip
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="lower left")
    return figure


def robustness_curves(table: pd.DataFrame, commonest: float, title: str) -> Figure:
    """Draw accuracy against the strength of each disturbance, one panel each, one line per model.

    Args:
        table: Columns disturbance, unit, strength, model, accuracy; strength 0 means undisturbed.
        commonest: Share of the commonest emotion, the accuracy of always answering it.
        title: Says which images.
    """
    kinds = list(table["disturbance"].unique())
    columns = 3
    rows = math.ceil(len(kinds) / columns)
    figure = style.canvas(11, 0.8 + 2.7 * rows)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).flat
    for kind, axes in zip(kinds, panels, strict=False):
        one = table[table["disturbance"] == kind]
        for look, (model, points) in zip(style.MODELS, one.groupby("model", sort=False), strict=False):
            axes.plot(points["strength"], points["accuracy"], label=model, markersize=5, **look)
        axes.axhline(commonest, color=style.GREY, linewidth=1, label="always the commonest emotion")
        axes.set(title=kind, xlabel=one["unit"].iloc[0])
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axes in list(panels):
        axes.remove()
    figure.supylabel("accuracy on test")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    figure.suptitle(title)
    return figure


def line(look: dict[str, Any]) -> dict[str, Any]:
    """Give colour and line of a look of `style.MODELS`, without its marker."""
    return {key: value for key, value in look.items() if key != "marker"}
