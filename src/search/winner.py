"""The winner enters the project through params.yaml, if it beats today's on val at full budget."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from src import paths
from src.config import changed
from src.search import trials, workers
from src.search.study import Study
from src.tracking.studies import StudyRun

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class FullTraining:
    """One of the two trainings that decide, as `workers.Training` has it.

    What it finds is kept in the study, so that nothing is trained twice.
    """

    def __init__(self, study: Study, run: StudyRun, trial: FrozenTrial, write: Callable[[str], None]) -> None:
        self.study, self.run, self.trial, self.write = study, run, trial, write
        self.job = study.plan.job(trial.user_attrs["values"], full=True)
        self.history: list[dict[str, float]] = []
        self._send("")

    def on_epoch(self, metrics: dict[str, float]) -> bool:
        """Keep the epoch and print it."""
        self.history.append(metrics)
        self._send("")
        self.write(
            f"trial {self.trial.number} in full, epoch {len(self.history)} of {self.job.train.epochs}: "
            f"val accuracy {metrics['val_accuracy']:.4f}"
        )
        return False

    def on_end(self, how: str, reason: str) -> None:
        """Keep the result; whatever cut the training short is an error.

        Raises:
            ArithmeticError: It failed, or its process died.
        """
        if how == workers.COMPLETE:
            self.study.keep_in_full(self.trial.number, self.history)
            self._send("complete")
            return
        self._send("killed" if how == workers.STOPPED else "failed", reason)
        if how != workers.STOPPED:
            raise ArithmeticError(f"trial {self.trial.number} in full: {reason}")

    def _send(self, end: str, reason: str = "") -> None:
        self.run.send(trials.record_in_full(self.study.plan, self.trial, self.history, end, reason))


def apply(study: Study, run: StudyRun, pool: workers.Pool, write: Callable[[str], None]) -> str:
    """Write the best trial's values into params.yaml, comments and order kept, and say what changed.

    Raises:
        ValueError: Nothing to apply: the best trial is today's params.yaml, or does not beat it. Or params.yaml is
            another than when the search began.
        OSError: The teacher is.
        ArithmeticError: A training at full budget failed.
    """
    plan, best = study.plan, study.best()
    if best is None:
        raise ValueError("no trial is complete, there is nothing to apply")
    values = best.user_attrs["values"]
    if values == plan.today:
        raise ValueError(
            f"today's {paths.PARAMS} is the best that was found (val accuracy {best.value:.4f}); `dvc repro`, then "
            "`python -m src.promote`, go on with it"
        )
    today = study.of(plan.today, complete=not plan.tune.shortened)  # what is trained in full needs no value
    if today is None:
        raise ValueError(
            f"no complete trial has today's values of {', '.join(plan.tune.space)}, so there is nothing to beat; "
            "give the search another trial, --n-trials N"
        )
    ours, theirs = _decisive(study, run, pool, write, best, today)
    if ours <= theirs:
        raise ValueError(
            f"trial {best.number} has val accuracy {ours:.4f} at full budget, which does not beat the {theirs:.4f} of "
            f"today's {paths.PARAMS}; it stays as it is"
        )
    plan.demand_same_teacher()
    plan.demand_same_params(values)
    text = changed(paths.PARAMS.read_text(encoding="utf-8"), values)
    with paths.replacing(paths.PARAMS) as path:
        path.write_text(text, encoding="utf-8")
    lines = [f"  {name}: {value}, was {plan.today[name]}" for name, value in values.items()]
    head = f"{paths.PARAMS} has the values of trial {best.number} (val accuracy {ours:.4f}, was {theirs:.4f}):"
    return "\n".join([head, *lines])


def experiment(values: dict[str, Any]) -> str:
    """Write the command that tries these values as a DVC experiment."""
    words = ["dvc", "exp", "run"]
    for name, value in values.items():
        words += ["-S", f"{name}={'null' if value is None else value}"]
    return shlex.join(words)


def _decisive(
    study: Study, run: StudyRun, pool: workers.Pool, write: Callable[[str], None], best: FrozenTrial, today: FrozenTrial
) -> tuple[float, float]:
    """Give the val accuracies to compare: of the trials, or of trainings at full budget where trials were shorter."""
    if not study.plan.tune.shortened:
        return best.value or 0, today.value or 0
    missing = [trial for trial in (today, best) if not study.in_full(trial.number)]

    def next_one() -> FullTraining | None:
        study.plan.demand_same_teacher()
        return FullTraining(study, run, missing.pop(0), write) if missing else None

    pool.run(next_one)
    ours, theirs = (max(epoch["val_accuracy"] for epoch in study.in_full(trial.number)) for trial in (best, today))
    return ours, theirs
