"""The picture of two classifiers that disagree: how often, about which emotion, and about which faces."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from src.report.paired import Disagreement
from src.report.style import BLUE, ORANGE, canvas

COLUMNS, ROWS = 6, 3
"""Faces per side: the surest errors of the one that is wrong."""
WIDE = 120
"""Letters that the picture is wide."""


def draw(
    found: Disagreement,
    table: pd.DataFrame,
    emotions: tuple[str, ...],
    names: tuple[str, str],
    images: np.ndarray | None,
) -> Figure:
    """Draw counts by emotion and, below, faces that only one is right about, with what the other takes them for.

    Args:
        found: The answers of both.
        table: As `Disagreement.by_emotion` gives it.
        emotions: Their names.
        names: Of the two classifiers.
        images: uint8 (n, 48, 48, 1), or None to draw counts alone.
    """
    parts = [1.7 + 0.5 * len(emotions)]
    if images is not None:
        parts.append(1.25 * ROWS)
    figure = canvas(11, sum(parts))
    above, *below = figure.subfigures(len(parts), 1, squeeze=False, height_ratios=parts).flat
    _bars(above.subplots(), table.drop(index="all"), names)
    above.suptitle(_title(table, names), fontsize=10)
    above.legend(loc="outside lower center", frameon=False, fontsize=9)
    if images is not None:
        for which, part in enumerate(below[0].subfigures(1, 2)):
            _faces(part, found, which, emotions, names, images)
    return figure


def _title(table: pd.DataFrame, names: tuple[str, str]) -> str:
    everything = table.loc[["all"]].iloc[0]
    shares = zip(names, (everything["first"], everything["second"]), strict=True)
    return "\n".join(
        [
            *(fill(f"{name}: {share:.1%}", WIDE) for name, share in shares),
            f"of the same {everything['images']:,.0f} images; McNemar's exact p = {everything['p']:.2g}",
        ]
    )


def _bars(axes: Axes, table: pd.DataFrame, names: tuple[str, str]) -> None:
    places = np.arange(len(table))
    for offset, column, colour, name in ((-0.2, "only_first", BLUE, names[0]), (0.2, "only_second", ORANGE, names[1])):
        bars = axes.barh(
            places + offset, table[column], height=0.38, color=colour, label=fill(f"only {name} is right", WIDE)
        )
        axes.bar_label(bars, padding=3, fontsize=9)
    labels = [f"{emotion} (p = {p:.2g})" for emotion, p in zip(table.index, table["p"], strict=True)]
    axes.set(yticks=places, yticklabels=labels, xlabel="images")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)


def _faces(
    part: Figure, found: Disagreement, which: int, emotions: tuple[str, ...], names: tuple[str, str], images: np.ndarray
) -> None:
    positions = found.only(which)[: COLUMNS * ROWS]
    other = (found.second, found.first)[which].argmax(axis=1)
    part.suptitle(fill(f"only {names[which]} is right", WIDE // 2), fontsize=10)
    cells = list(part.subplots(ROWS, COLUMNS).flat)
    for cell in cells:
        cell.axis("off")
    for cell, position in zip(cells, positions, strict=False):
        cell.imshow(images[position, ..., 0], cmap="gray", vmin=0, vmax=255)
        true, taken_for = emotions[found.labels[position]], emotions[other[position]]
        cell.set_title(f"{true},\nnot {taken_for}", fontsize=8)
