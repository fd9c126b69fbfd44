"""What a study looks like: Optuna's figures and a table, for the run of the study in MLflow."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from src.search import trials
from src.search.study import Study

FIGURES = {
    "history": "plot_optimization_history",
    "importances": "plot_param_importances",
    "parallel_coordinate": "plot_parallel_coordinate",
    "slice": "plot_slice",
    "intermediate_values": "plot_intermediate_values",
}
OBJECTIVE = "val accuracy"


def draw(study: Study, folder: Path) -> None:
    """Write trials.csv and the figures into `folder`; importances need two complete trials."""
    table(study).to_csv(folder / "trials.csv", index=False)
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt
    from optuna import visualization

    (folder / "figures").mkdir()
    complete = [trial for trial in study.trials() if trial.state.name == "COMPLETE"]
    with warnings.catch_warnings(), plt.rc_context({"font.size": 9}):
        warnings.simplefilter("ignore")
        for name, function in FIGURES.items():
            if name == "importances" and len(complete) < 2:
                continue
            labelled: dict[str, Any] = {} if name == "intermediate_values" else {"target_name": OBJECTIVE}
            drawn = getattr(visualization.matplotlib, function)(study.optuna, **labelled)
            axes = np.atleast_1d(drawn)[0]
            if name == "parallel_coordinate":  # its lines are pale, and every axis brings a grid of its own
                axes.collections[0].set_cmap("viridis_r")
                for each in axes.figure.axes:
                    each.grid(False)
                    each.set_facecolor("white")
                    each.spines["right"].set_color("0.6")
            elif name == "intermediate_values":
                axes.set(title="Val accuracy by epoch", xlabel="epoch", ylabel=OBJECTIVE)
                axes.xaxis.get_major_locator().set_params(integer=True)
            figure = axes.figure
            figure.set_size_inches(12 if name == "slice" else 9, 5)
            figure.savefig(folder / "figures" / f"{name}.png", dpi=120, bbox_inches="tight")
            plt.close(figure)


def table(study: Study) -> pd.DataFrame:
    """Give one row per trial that has begun: number, end, val accuracy, epochs, the searched values, reason."""
    return pd.DataFrame(
        {
            "trial": trial.number,
            "end": trials.end(trial),
            OBJECTIVE: trials.accuracy(trial),
            "epochs": len(trial.user_attrs.get("history", [])),
            **trial.user_attrs["values"],
            "reason": trial.user_attrs.get("reason", ""),
        }
        for trial in study.trials()
        if "seen" in trial.user_attrs
    )
