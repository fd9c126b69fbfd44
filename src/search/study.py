"""The study in its storage: which trial comes next, what counts towards the budget, what became of a killed one."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from src.params import Range, TuneParams
from src.search.plan import Plan
from src.tracking import machine

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

DATABASE = "tune.db"
SAMPLERS = {
    "tpe": "TPESampler",
    "random": "RandomSampler",
    "qmc": "QMCSampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
}
NEEDS = {"cmaes": "cmaes", "gp": "torch"}
"""Package of a sampler that does without it until it is asked for a value."""
MOST_DUPLICATES = 30
"""So many in a row, and there seems to be no more to try."""
SILENT_S = 600.0
"""A trial of another machine that gave no sign of life for so long is taken for dead."""
TABLES_S = 2.0
"""Another machine has made a storage's tables after so long."""


class Study:
    """An Optuna study with a budget, which may be searched by several processes, one after the other or at once.

    A trial's user attributes: `values` (what is tried, rounded), `host`, `process` and `seen` (who runs it, and its
    last sign of life), `history` (its epochs), `reason` and `failed`, `retry_of` and `kills`, `duplicate_of`.
    """

    def __init__(self, plan: Plan, study: optuna.Study, storage: optuna.storages.RDBStorage) -> None:
        self.plan, self.optuna, self._storage = plan, study, storage
        self._before = len(self.trials())

    def trials(self) -> list[FrozenTrial]:
        """Give all trials by their number, those that are yet to start too."""
        return self.optuna.get_trials(deepcopy=False)

    def counted(self) -> list[FrozenTrial]:
        """Give the trials that use up the budget: one that is tried again counts once, a duplicate does not."""
        return [trial for trial in self._taken() if "duplicate_of" not in trial.user_attrs]

    def duplicates(self) -> list[FrozenTrial]:
        """Give the trials that were not trained, because a complete one has their values."""
        return [trial for trial in self._taken() if "duplicate_of" in trial.user_attrs]

    def exhausted(self) -> bool:
        """Say whether this process was given so many duplicates in a row that there seems to be no more to try."""
        last = self.trials()[self._before :][-MOST_DUPLICATES:]
        return len(last) == MOST_DUPLICATES and all("duplicate_of" in trial.user_attrs for trial in last)

    def best(self) -> FrozenTrial | None:
        """Give the first of the trials with the highest val accuracy; None where none is complete."""
        complete = [trial for trial in self.trials() if trial.state.name == "COMPLETE"]
        return max(complete, key=lambda trial: trial.value or 0, default=None)

    def of(self, values: dict[str, Any], complete: bool = True) -> FrozenTrial | None:
        """Give the first trial of these values: the first that is complete, or whatever became of it."""
        same = (trial for trial in self.trials() if trial.user_attrs.get("values") == values)
        return next((trial for trial in same if trial.state.name == "COMPLETE" or not complete), None)

    def in_full(self, number: int) -> list[dict[str, float]]:
        """Give the epochs of a trial's complete training at full budget; none where there is no such training."""
        return self.optuna.user_attrs.get(f"in full: {number}", [])

    def keep_in_full(self, number: int, history: list[dict[str, float]]) -> None:
        """Keep the epochs of a trial's complete training at full budget."""
        self.optuna.set_user_attr(f"in full: {number}", history)

    def ask(self) -> optuna.Trial | None:
        """Give the next trial, with its values; None where the budget is used up, or the space.

        A training of the same values gives the same number: where a complete trial has the values, the study is told
        its number, as Optuna's FAQ has it, and asked for another trial.
        """
        with self.alone():
            while len(self.counted()) < self.plan.tune.n_trials and not self.exhausted():
                trial = self._take()
                twin = self.of(trial.user_attrs["values"])
                if twin is None:
                    return trial
                trial.set_user_attr("duplicate_of", twin.number)
                trial.set_user_attr("reason", f"has the values of trial {twin.number}")
                self.optuna.tell(trial, twin.value)
        return None

    def tidy(self) -> None:
        """End the trials of dead processes, and see to it that today's params.yaml is tried."""
        with self.alone():
            for trial in self.trials():
                if trial.state.name == "RUNNING" and _is_dead(trial.user_attrs):
                    self.bury(trial.number, killed=True)
            hopeful = [trial for trial in self.trials() if trial.state.name in ("WAITING", "RUNNING", "COMPLETE")]
            if all(trial.user_attrs.get("values") != self.plan.today for trial in hopeful):
                self.optuna.enqueue_trial(self.plan.today, {"values": self.plan.today})

    def bury(self, number: int, killed: bool) -> None:
        """End a trial that did not end by itself.

        It is tried again; after a second kill it is not, lest it be the trial that kills.
        """
        from optuna.trial import TrialState

        trials = self.trials()
        kills = trials[number].user_attrs.get("kills", 0) + killed
        if kills <= 1 and number not in _retried(trials):
            facts = {"retry_of": number, "kills": kills, "values": trials[number].user_attrs.get("values")}
            asked = trials[number].system_attrs.get("fixed_params", {})  # it may have been killed before it took them
            self.optuna.enqueue_trial(asked | trials[number].params, facts)
        self.optuna.tell(number, state=TrialState.FAIL)

    def _take(self) -> optuna.Trial:
        """Take the next trial from Optuna, and sign for it.

        Seeded by how many there were, so that a search that was killed suggests what an undisturbed one would have.
        """
        self.optuna.sampler = sampler(self.plan.tune, len(self._taken()))
        trial = self.optuna.ask({name: distribution(values) for name, values in self.plan.tune.space.items()})
        values = trial.user_attrs.get("values") or self.plan.values(trial.params)  # today's are never rounded
        facts = machine.process_tags() | {"values": values, "seen": time.time()}
        for name, value in facts.items():
            trial.set_user_attr(name, value)
        return trial

    def _taken(self) -> list[FrozenTrial]:
        trials = self.trials()
        again = _retried(trials)
        return [trial for trial in trials if trial.state.name != "WAITING" and trial.number not in again]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out meanwhile, on this machine or another: counting and taking is one step."""
        with _alone(self._storage):
            yield


def open_study(plan: Plan, name: str, url: str | None) -> Study:
    """Make the study of this name in the storage, or go on with the one that is there.

    Args:
        plan: What is searched.
        name: Of the study.
        url: SQLAlchemy's address of the storage; None is `DATABASE` in this workspace.

    Raises:
        ValueError: The study was begun with other settings, or the sampler's package is missing.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = _open_storage(url or f"sqlite:///{Path(DATABASE).resolve()}")
    with _alone(storage):
        study = optuna.create_study(
            study_name=name,
            storage=storage,
            load_if_exists=True,
            direction="maximize",
            sampler=sampler(plan.tune, 0),
            pruner=pruner(plan),
        )
        settings = plan.settings()
        begun = study.user_attrs.get("settings")
        if begun is None:
            study.set_user_attr("settings", settings)
        elif begun != settings:
            key = next(key for key in begun | settings if begun.get(key) != settings.get(key))
            raise ValueError(
                f"the study {name!r} was begun with {key} = {begun.get(key, 'nothing')}, found "
                f"{settings.get(key, 'nothing')}; its trials can't be compared with others, choose another --name"
            )
    return Study(plan, study, storage)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what the storage raises into one `ConnectionError`."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise ConnectionError(f"the study's storage did not do as asked: {reason}; check --storage") from error


def sampler(params: TuneParams, used: int) -> optuna.samplers.BaseSampler:
    """Give the sampler of the trial that `used` others precede.

    Raises:
        ValueError: Its package is not there.
    """
    import optuna

    package = NEEDS.get(params.sampler)
    if package and find_spec(package) is None:
        raise ValueError(
            f"tune.sampler: found {params.sampler}, which needs the package {package}; `pip install {package}`"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return getattr(optuna.samplers, SAMPLERS[params.sampler])(seed=(params.seed + used) % 2**32)


def pruner(plan: Plan) -> optuna.pruners.BasePruner:
    """Give the pruner; the median lets every trial live a quarter of its epochs."""
    import optuna

    epochs = plan.job(plan.today).train.epochs
    if plan.tune.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=epochs // 4)
    if plan.tune.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs)
    return optuna.pruners.NopPruner()


def distribution(values: Range) -> optuna.distributions.BaseDistribution:
    """Give a range of params.yaml as Optuna's."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if values.choices is not None:
        return CategoricalDistribution(values.choices)
    low, high = values.low or 0, values.high or 0
    if values.type == "int":
        return IntDistribution(int(low), int(high))
    return FloatDistribution(low, high, log=values.type == "log_float")


def _is_dead(facts: dict[str, Any]) -> bool:
    if "seen" not in facts:  # killed between taking the trial and signing for it
        return True
    if facts["host"] == machine.host():
        return not machine.is_alive(facts["process"])
    return time.time() - facts["seen"] > SILENT_S


def _retried(trials: list[FrozenTrial]) -> set[int | None]:
    return {trial.user_attrs.get("retry_of") for trial in trials}


def _open_storage(url: str) -> optuna.storages.RDBStorage:
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    patient = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else None
    with _file_lock(url):  # two processes that make the tables at once get in each other's way
        try:
            return RDBStorage(url, engine_kwargs=patient)
        except ImportError as error:
            raise ValueError(
                f"--storage needs a driver that is not here: {error.__cause__}; `pip install 'psycopg[binary]'` for "
                "postgresql+psycopg://, pymysql for mysql+pymysql://"
            ) from None
        except SQLAlchemyError:  # of a server, which another machine may have made them in meanwhile
            time.sleep(TABLES_S)
            return RDBStorage(url, engine_kwargs=patient)


@contextmanager
def _alone(storage: optuna.storages.RDBStorage) -> Iterator[None]:
    from sqlalchemy import text

    if storage.engine.dialect.name == "sqlite":
        with _file_lock(storage.url):
            yield
    else:  # a row that Optuna itself never locks
        with storage.engine.begin() as connection:
            connection.execute(text("SELECT version_info_id FROM version_info FOR UPDATE"))
            yield


@contextmanager
def _file_lock(url: str) -> Iterator[None]:
    if not url.startswith("sqlite:///"):
        yield
        return
    with FileLock(f"{url.removeprefix('sqlite:///')}.lock"):
        yield
