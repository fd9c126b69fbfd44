"""How every figure looks: one palette, safe for colour-blind eyes, and letters that can be read in the MLflow UI."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, VERMILION, GREY = (
    "#0173b2", "#de8f05", "#029e73", "#d55e00", "#767676"
)  # fmt: skip
"""Of seaborn's palette `colorblind`."""

SPLITS = {"train": BLUE, "val": ORANGE, "test": GREEN}
MODELS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "marker": "o", "linestyle": "-"},
    {"color": VERMILION, "marker": "s", "linestyle": "--"},
    {"color": GREEN, "marker": "^", "linestyle": ":"},
)
"""Markers and lines differ too, for print without colours."""

SETTINGS: dict[Any, Any] = {
    "font.size": 11,
    "axes.titlesize": 12,
    "figure.titlesize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "savefig.dpi": 120,
}


def applied() -> AbstractContextManager[None]:
    """Give a block in which figures are drawn and saved in this style."""
    return mpl.rc_context(SETTINGS)


def canvas(width: float, height: float) -> Figure:
    """Give an empty figure of this size in inches; outside pyplot, so that nothing keeps it open."""
    return Figure(figsize=(width, height), layout="constrained")


def png(figure: Figure) -> bytes:
    """Give the figure as a PNG; equal figures give equal bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
