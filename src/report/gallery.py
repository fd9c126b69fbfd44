"""Figures of faces with what was said about them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from src.fer2013 import SIDE
from src.report import style

COLUMNS = 9
INCHES = 1.25
"""Of one face; the seed's rows have nine."""


class Answers(NamedTuple):
    """What a model said of one split.

    Attributes:
        images: uint8 (n, 48, 48, 1).
        labels: int (n,), true classes.
        probabilities: float (n, classes).
        names: Of the classes.
    """

    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    names: tuple[str, ...]


def random_faces(labels: np.ndarray, classes: int, columns: int = COLUMNS, seed: int = 0) -> np.ndarray:
    """Choose faces of each class at random: int (classes, columns), positions; -1 fills up."""
    chosen = np.full((classes, columns), -1)
    for label, row in enumerate(chosen):
        found = np.random.default_rng((seed, label)).permutation(np.flatnonzero(labels == label))[:columns]
        row[: len(found)] = found
    return chosen


def confident_mistakes(answers: Answers, count: int = 2 * COLUMNS) -> np.ndarray:
    """Choose the wrong answers that the model was surest of: positions, the surest first."""
    confidence = answers.probabilities.max(axis=1)
    wrong = np.flatnonzero(answers.probabilities.argmax(axis=1) != answers.labels)
    return wrong[np.argsort(-confidence[wrong], kind="stable")][:count]


def closest_calls(answers: Answers, count: int = 2 * COLUMNS) -> np.ndarray:
    """Choose the images whose two likeliest emotions are closest to each other: positions, the closest first."""
    second, first = np.sort(answers.probabilities, axis=1)[:, -2:].T
    return np.argsort(first - second, kind="stable")[:count]


def show(answers: Answers, positions: np.ndarray, title: str) -> Figure:
    """Draw faces with their true and predicted emotion; a wrong answer has a frame and a cross.

    Args:
        answers: What was said of all images.
        positions: int (rows, columns), or (n,) to be laid out in rows; -1 leaves a place empty.
        title: Says which faces these are.
    """
    if positions.ndim == 1:
        positions = np.pad(positions, (0, -len(positions) % COLUMNS), constant_values=-1).reshape(-1, COLUMNS)
    captions, frames = {}, {}
    for at in positions[positions >= 0]:
        predicted = answers.probabilities[at].argmax()
        right = predicted == answers.labels[at]
        sure = f"{answers.probabilities[at, predicted]:.0%}"
        said = f"{answers.names[predicted]} {sure}"
        captions[at] = f"true {answers.names[answers.labels[at]]}\n{said if right else f'✗ {said}'}"
        if not right:
            frames[at] = style.VERMILION
    return grid(answers.images, positions, title, captions, frames)


def grid(
    images: np.ndarray,
    positions: np.ndarray,
    title: str,
    captions: dict[int, str] | None = None,
    frames: dict[int, str] | None = None,
    rows: tuple[str, ...] | None = None,
) -> Figure:
    """Draw faces in rows and columns.

    Args:
        images: uint8 (n, 48, 48) or (n, 48, 48, 1).
        positions: int (rows, columns), -1 leaves a place empty.
        title: Above all of them.
        captions: Position -> two lines below its face.
        frames: Position -> colour of the frame around its face.
        rows: Text at the left of each row.
    """
    down, across = SIDE + (26 if captions else 4), SIDE + 4
    height, width = positions.shape
    # One picture of them all: an axes for each would take seconds to lay out.
    mosaic = np.full((height * down, width * across), 255, np.uint8)
    figure = style.canvas((1.1 if rows else 0) + width * INCHES, 0.4 + height * down * INCHES / across)
    axes = figure.subplots()
    for (row, column), at in np.ndenumerate(positions):
        if at < 0:
            continue
        top, left = row * down, column * across
        mosaic[top : top + SIDE, left : left + SIDE] = images[at].reshape(SIDE, SIDE)
        axes.text(left + SIDE / 2, top + SIDE + 2, (captions or {}).get(at, ""), size=10, ha="center", va="top")
        if frames and at in frames:
            corner = left - 0.5, top - 0.5
            axes.add_patch(Rectangle(corner, SIDE, SIDE, fill=False, edgecolor=frames[at], linewidth=4))
    for row, text in enumerate(rows or ()):
        axes.text(-4, row * down + SIDE / 2, text, ha="right", va="center")
    axes.imshow(mosaic, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()
    figure.suptitle(title)
    return figure
