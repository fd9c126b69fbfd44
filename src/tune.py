"""Search better parameters, trial by trial of the same `fit` on train and val; stop it and start it as you like."""

from __future__ import annotations

import re
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from src import cli, paths
from src.config import add_options
from src.params import TuneParams

if TYPE_CHECKING:
    from src.search.study import Study
    from src.search.workers import Pool
    from src.tracking.studies import StudyRun


def main(argv: list[str] | None = None) -> None:
    options = read_options(argv)
    from src.faces import splits
    from src.search.plan import read_plan
    from src.search.study import open_study, storage_errors
    from src.search.workers import Pool

    plan = read_plan(options)
    train, val = splits.load("train"), splits.load("val")
    with Pool(options.workers, train, val, plan.data.emotions, plan.teacher) as pool, storage_errors():
        plan = plan._replace(platform=pool.platform(plan.precision))
        name = options.name or plan.name()
        study = open_study(plan, name, options.storage)
        with study_run(study, name) as run:
            search(study, run, pool, options)
    if options.promote:
        cli.call("dvc", "repro")
        demand_candidate(plan.data.registered_model)
        cli.call("src.promote", "--reason", f"the winner of the search {name}")


def read_options(argv: list[str] | None) -> Namespace:
    """Read the command line; `--help` says what each option does."""
    parser = cli.parser("tune", __doc__)
    parser.epilog = "The space and everything else stand in params.yaml (tune:); options replace its values."
    parser.add_argument("--name", help="of the study; by default it follows from what the trials share")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that share this machine")
    parser.add_argument("--timeout", type=float, default=float("inf"), metavar="SECONDS", help="no trial starts later")
    parser.add_argument("--storage", metavar="URL", help="PostgreSQL or MySQL, as SQLAlchemy writes it; else tune.db")
    parser.add_argument("--apply", action="store_true", help="write the winner into params.yaml if it beats today's")
    parser.add_argument("--promote", action="store_true", help="--apply, then `dvc repro` and `src.promote`")
    add_options(parser, TuneParams)
    options = parser.parse_args(argv)
    if options.workers < 1:
        parser.error(f"--workers: found {options.workers}, expected at least 1")
    if options.name and not re.fullmatch(r"[\w.-]+", options.name):
        parser.error(f"--name: found {options.name!r}, expected letters, digits, '.', '_' and '-'")
    return options


@contextmanager
def study_run(study: Study, name: str) -> Iterator[StudyRun]:
    """Open the study's run in MLflow; it ends as the block ends."""
    from src.tracking import studies

    plan = study.plan
    tune = {f"tune.{key}": str(value) for key, value in plan.tune if key in ("n_trials", "sampler", "pruner", "seed")}
    faces = "drawn by code" if plan.data.source == "drawn" else "FER2013"
    experiment = f"{plan.data.registered_model}-tune"
    with study.alone():  # two processes that begin it at once share one run
        known = study.optuna.user_attrs.get("run_id")
        run = studies.open_study(experiment, name, known, plan.settings(), {"faces": faces, **tune})
        study.optuna.set_user_attr("run_id", run.id)
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        print(f"the study {name} goes on when it is started again", file=sys.stderr)
        raise
    except ValueError:  # nothing to apply: the study itself is whole
        status = "FINISHED"
        raise
    finally:
        run.end(status)


def search(study: Study, run: StudyRun, pool: Pool, options: Namespace) -> None:
    """Use up the budget, show what was found, and apply the winner if that was asked for.

    Raises:
        ValueError: No trial is complete, or there is nothing to apply.
        ConnectionError: A store can't be reached.
    """
    from src.search import trials, winner

    study.tidy()
    run.complete(trials.records(study))
    ended = sum(trial.state.is_finished() for trial in study.counted())
    with cli.progress(study.plan.tune.n_trials, "tune", unit="trial", done=ended) as bar:
        part = trials.Search(study, run, bar, options.timeout)
        pool.run(part.next, part.tick)
        bar.write(f"\n{summary(study)}")
        keep(study, run)
        if options.apply or options.promote:
            try:
                bar.write(f"\n{winner.apply(study, run, pool, bar.write)}")
            finally:
                with suppress(ConnectionError):  # the next start sends what is missing
                    run.complete(trials.records(study))


def demand_candidate(name: str) -> None:
    """Check that the version that `register` made of this workspace is the one that the gate would judge.

    Raises:
        ValueError: Another is.
    """
    from src.tracking import store, versions

    version = paths.read_json(paths.MODELS / "registered.json", "register")["version"]
    candidate = versions.find(store.connect(), name, None, versions.CANDIDATE)
    if candidate.number != version:
        raise ValueError(
            f"the winner is {name} version {version}, but version {candidate.number} waits for the gate; "
            f"`python -m src.promote --version {version}` judges the winner"
        )


def summary(study: Study) -> str:
    """Say what was found, and how to try it.

    Raises:
        ValueError: No trial is complete.
    """
    from src.search import trials, winner

    best = study.best()
    if best is None:
        last = [trials.described(trial) for trial in study.counted()][-1:]
        raise ValueError(f"study {study.optuna.study_name}: no trial is complete. {''.join(last)}")
    values, today = best.user_attrs["values"], study.of(study.plan.today)
    of_today = f"{today.value:.4f}" if today else "not known"
    counts = ", ".join(f"{count} {end}" for end, count in trials.counts(study).items() if count)
    if duplicates := len(study.duplicates()):
        counts += f"; {duplicates} more had the values of a complete one and were not trained"
    lines = [
        f"study {study.optuna.study_name}: {len(study.counted())} trials, {counts}",
        *(["the last of these came in a row: there seems to be nothing else to try"] if study.exhausted() else []),
        f"best is trial {best.number}: val accuracy {best.value:.4f}; today's params.yaml: {of_today}",
        *(f"  {name}: {value} (today {study.plan.today[name]})" for name, value in values.items()),
        "today's params.yaml is the best so far"
        if values == study.plan.today
        else f"try it: {winner.experiment(values)}",
    ]
    return "\n".join(lines)


def keep(study: Study, run: StudyRun) -> None:
    """Put what was found into the study's run: the best trial, the table, the figures."""
    from src.search import figures, trials
    from src.tracking.studies import BEST

    best = study.best()
    assert best is not None
    run.complete(trials.records(study))
    metrics = {f"trials/{end}": float(count) for end, count in trials.counts(study).items()}
    metrics["trials/duplicate"] = float(len(study.duplicates()))
    tags = {f"best.{name}": str(value) for name, value in best.user_attrs["values"].items()}
    tags |= {"best.trial": str(best.number), "best.run_id": run.run_id(f"trial {best.number}")}
    with tempfile.TemporaryDirectory() as folder:
        figures.draw(study, Path(folder))
        run.log(metrics | {BEST: best.value or 0}, tags, Path(folder))


if __name__ == "__main__":
    cli.run(main)
