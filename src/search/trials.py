"""The trials of a search: handed out one by one, heard epoch by epoch, ended in the study, in MLflow and for people."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from src.config import flat
from src.search import workers
from src.search.plan import Plan
from src.search.study import Study
from src.tracking.studies import Record, StudyRun

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

SIGN_S = 60.0
"""How often a running trial gives a sign of life to other machines."""
ENDS = {"COMPLETE": "complete", "PRUNED": "pruned", "RUNNING": "", "WAITING": ""}


class Search:
    """One process's part of a study.

    Args:
        study: The study.
        run: Its runs in MLflow.
        bar: A progress bar of as many trials as the study shall have.
        timeout_s: No trial starts after so many seconds.
    """

    def __init__(self, study: Study, run: StudyRun, bar: Any, timeout_s: float) -> None:
        self.study, self.run, self.bar = study, run, bar
        self.started = self.signed = time.monotonic()
        self.timeout_s = timeout_s
        self.busy: dict[int, Trial] = {}
        self.before = len(study.counted())

    def next(self) -> Trial | None:
        """Give the next trial; None where the budget or the time is used up."""
        if time.monotonic() - self.started > self.timeout_s:
            return None
        self.study.plan.demand_same_teacher()
        asked = self.study.ask()
        if asked is None:
            return None
        trial = self.busy[asked.number] = Trial(self, asked)
        self.send(asked.number)
        return trial

    def send(self, number: int) -> None:
        """Bring the run of a trial up to date."""
        self.run.send(record(self.study.plan, self.study.trials()[number]))

    def tick(self) -> None:
        """Give signs of life: to other machines, and to people."""
        if time.monotonic() - self.signed > SIGN_S:
            self.signed = time.monotonic()
            for trial in self.busy.values():
                with suppress(UpdateFinishedTrialError):  # its next epoch will be its last
                    trial.asked.set_user_attr("seen", time.time())
        self.bar.refresh()

    def tell_people(self, number: int) -> None:
        """Print what became of a trial, and how far the search is."""
        counted, best, budget = self.study.counted(), self.study.best(), self.study.plan.tune.n_trials
        ended = [trial for trial in counted if trial.state.is_finished()]
        pruned = sum(trial.state.name == "PRUNED" for trial in ended)
        pace_s = (time.monotonic() - self.started) / max(1, len(ended) - self.before)
        state = f"{pruned} pruned, " + (f"best {best.value:.4f} (trial {best.number})" if best else "none complete")
        self.bar.update(len(ended) - self.bar.n)
        self.bar.set_postfix_str(state)
        self.bar.write(
            f"{described(self.study.trials()[number])}; done {len(ended)} of {budget}, {state}, "
            f"about {pace_s * max(0, budget - len(ended)) / 60:.0f} min left"
        )


class Trial:
    """A trial in training, as `workers.Training` has it.

    If this machine sleeps, another one may take the trial for dead and end it; what is left of it here is dropped.
    """

    def __init__(self, search: Search, asked: optuna.Trial) -> None:
        self.search, self.asked = search, asked
        values = asked.user_attrs["values"]
        self.job = search.study.plan.job(values)
        self.prunable = values != search.study.plan.today
        self.pruned = False
        self.history: list[dict[str, float]] = []

    def on_epoch(self, metrics: dict[str, float]) -> bool:
        """Report the epoch, and say whether the trial is pruned."""
        self.history.append(metrics)
        epoch = len(self.history)
        try:
            self.asked.set_user_attr("history", self.history)
            self.asked.report(metrics["val_accuracy"], epoch)
        except UpdateFinishedTrialError:
            return True
        self.search.send(self.asked.number)
        self.pruned = self.prunable and epoch < self.job.train.epochs and self.asked.should_prune()
        return self.pruned

    def on_end(self, how: str, reason: str) -> None:
        """Tell the study, then MLflow, then people."""
        number = self.asked.number
        del self.search.busy[number]
        try:
            self.asked.set_user_attr("reason", reason)
        except UpdateFinishedTrialError:
            self.search.bar.write(f"trial {number} was not heard of for so long that another machine ended it")
        else:
            self._tell(how)
        self.search.send(number)
        self.search.tell_people(number)

    def _tell(self, how: str) -> None:
        study, number = self.search.study, self.asked.number
        if how in (workers.DIED, workers.STOPPED):
            study.bury(number, killed=how == workers.DIED)
        elif how == workers.FAILED:
            self.asked.set_user_attr("failed", True)
            study.optuna.tell(number, state=TrialState.FAIL)
        elif self.pruned:
            study.optuna.tell(number, state=TrialState.PRUNED)
        else:
            study.optuna.tell(number, max(metrics["val_accuracy"] for metrics in self.history))


def end(trial: FrozenTrial) -> str:
    """Say how a trial ended: complete, pruned, failed, killed, or a duplicate; empty while it runs."""
    if trial.state.name == "FAIL":
        return "failed" if "failed" in trial.user_attrs else "killed"
    if "duplicate_of" in trial.user_attrs:
        return "duplicate"
    return ENDS[trial.state.name]


def counts(study: Study) -> dict[str, int]:
    """Count how the trials that use up the budget ended."""
    ends = [end(trial) for trial in study.counted()]
    return {name: ends.count(name) for name in ("complete", "pruned", "failed", "killed")}


def accuracy(trial: FrozenTrial) -> float | None:
    """Give val accuracy in the best epoch, a duplicate's as that of its twin; None before the first has ended."""
    return max((metrics["val_accuracy"] for metrics in trial.user_attrs.get("history", [])), default=trial.value)


def described(trial: FrozenTrial) -> str:
    """Say in a line what became of a trial."""
    epochs = len(trial.user_attrs.get("history", []))
    best = accuracy(trial)
    how = f"val accuracy {best:.4f} in {epochs} epochs" if best is not None else "no epoch"
    reason = trial.user_attrs.get("reason")
    values = ", ".join(f"{name} {value}" for name, value in trial.user_attrs["values"].items())
    return f"trial {trial.number} ({values}) {end(trial)}: {how}{f', {reason}' if reason else ''}"


def record(plan: Plan, trial: FrozenTrial) -> Record:
    """Give a trial as MLflow shall have it."""
    facts = trial.user_attrs
    job = plan.job(facts["values"])
    budget = "shortened" if plan.tune.shortened else "full"
    return Record(
        name=f"trial {trial.number}",
        params=flat("model", job.model) | flat("train", job.train),
        tags={"trial": str(trial.number), "budget": budget, "host": facts["host"], "process": facts["process"]},
        history=facts.get("history", []),
        end=end(trial),
        reason=facts.get("reason", ""),
    )


def record_in_full(
    plan: Plan, trial: FrozenTrial, history: list[dict[str, float]], end: str, reason: str = ""
) -> Record:
    """Give a trial's training at full budget as MLflow shall have it."""
    job = plan.job(trial.user_attrs["values"], full=True)
    params = flat("model", job.model) | flat("train", job.train)
    tags = {"trial": str(trial.number), "budget": "full"}
    return Record(f"trial {trial.number} in full", params, tags, history, end, reason)


def records(study: Study) -> list[Record]:
    """Give every trial that has begun to train, and the trainings at full budget that are complete."""
    begun = [trial for trial in study.trials() if "seen" in trial.user_attrs and end(trial) != "duplicate"]
    full = [(trial, history) for trial in begun if (history := study.in_full(trial.number))]
    return [record(study.plan, trial) for trial in begun] + [
        record_in_full(study.plan, trial, history, "complete") for trial, history in full
    ]
