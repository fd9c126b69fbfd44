"""Make the candidate the champion if it passes the gate; show the history of champions; go back to the one before."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from src import cli
from src.config import read_params
from src.params import PromoteParams

if TYPE_CHECKING:
    from src.tracking.decisions import Decision
    from src.tracking.promotion import Decided


def main(argv: list[str] | None = None) -> None:
    options = read_options(argv)
    if options.history:
        print(history(options))
    elif options.rollback:
        print(roll_back(options))
    elif not promote(options):
        sys.exit(1)


def read_options(argv: list[str] | None) -> Namespace:
    """Read the command line; `--help` says what each option does."""
    parser = cli.parser("promote", __doc__)
    parser.epilog = (
        "The rules stand in params.yaml (promote:). Exit status: 0 promoted, nothing to do, or a dry run that passed; "
        "1 refused, or an error. FER_SIGNING_KEY, the path of an Ed25519 private key (PEM), signs what is promoted."
    )
    parser.add_argument("--version", metavar="N", help="this version instead of the one with the alias `candidate`")
    parser.add_argument("--name", help="registered model; by default the one of this workspace's data")
    parser.add_argument("--reason", default="", metavar="TEXT", help="kept with the decision, for --history")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="decide, move nothing; it is kept that the test was asked")
    what.add_argument("--history", action="store_true", help="what was in production, from when to when, and why")
    what.add_argument(
        "--rollback", action="store_true", help="back to the champion before, or to the earlier --version"
    )
    options = parser.parse_args(argv)
    from src.tracking import versions

    options.name = options.name or versions.default_name()
    return options


def promote(options: Namespace) -> bool:
    """Judge, print the table, and say whether the candidate passed."""
    params = read_params(PromoteParams)
    from src.faces import splits
    from src.tracking import examination, promotion

    test, summary = splits.load("test"), splits.load_summary()
    emotions = tuple(summary["emotions"])
    exam = examination.Exam(test.images, test.labels, emotions, splits.digest(test, emotions))
    with cli.hushed():
        done = promotion.promote(options.name, options.version, params, exam, options.reason, options.dry_run)
    if done.judgement is None:
        print(f"{options.name} version {done.version} is the champion already; {done.outcome}")
        return True
    print(done.judgement.text(), end="\n\n")
    print(summary_line(options.name, done))
    return done.judgement.passed


def summary_line(name: str, done: Decided) -> str:
    """Say what became of it in one line."""
    would = "promoted" if done.judgement and done.judgement.passed else "refused"
    return {
        "promoted": f"promoted: the champion of {name} is version {done.version}, was {done.champion or 'none'}",
        "dry run": f"dry run, nothing moved: version {done.version} would be {would}",
        "refused": f"refused: the champion of {name} stays as it is ({done.champion or 'none'})",
        "overtaken": f"overtaken: {name} has another champion than the one compared with; run this again",
    }[done.outcome]


def roll_back(options: Namespace) -> str:
    """Go back, and say to what."""
    from src.tracking import promotion

    with cli.hushed():
        done = promotion.rollback(options.name, options.version, options.reason)
    return f"rolled back: version {done.version} is the champion of {options.name} again, in place of {done.champion}"


def history(options: Namespace) -> str:
    """Give what was in production and every decision, as two tables."""
    from src.tracking import decisions, store, versions
    from src.tracking.judgement import columns

    store.demand_existing()
    client = store.connect()
    champion = versions.by_alias(client, options.name, versions.CHAMPION)
    number = champion and champion.number
    with store.errors():
        past = decisions.history(client, options.name, number)
    moves = [decision for decision in past if decision.outcome in (decisions.PROMOTED, decisions.ROLLED_BACK)]
    lines = [f"{options.name} was never in production"]
    if production := stints(moves, number):
        titles = ("from", "until", "", "because", "reason")
        lines = [f"{options.name} in production (UTC):", *columns([titles, *production])]
    if not past:
        return "\n".join([*lines, "", "No decision yet"])
    heads = ("when", "outcome", "versions", "accuracy", "who", "reason")
    return "\n".join([*lines, "", "Decisions:", *columns([heads, *map(decision_cells, past)])])


def stints(moves: list[Decision], champion: str | None) -> list[tuple[str, ...]]:
    """Give the cells of what was in production; other hands than this program's leave no time behind."""
    begun: list[tuple[str, ...]] = []
    present = None
    for decision in moves:
        if decision.before != present:
            begun.append(by_other_hands(decision.before))
        begun.append((time(decision), f"version {decision.version}", decision.outcome, decision.reason))
        present = decision.version
    if champion != present:
        begun.append(by_other_hands(champion))
    ends = [*(start for start, *_ in begun[1:]), "now"]
    return [(start, end, *cells) for (start, *cells), end in zip(begun, ends, strict=False)]  # of none, none


def by_other_hands(version: str | None) -> tuple[str, ...]:
    """Give the cells of a champion that the alias was put on, or of none that it was taken from."""
    return "not known", f"version {version}" if version else "none", "other hands", "not known"


def decision_cells(decision: Decision) -> tuple[str, ...]:
    """Give a decision's cells in the table."""
    accuracy = "" if decision.accuracy is None else f"{decision.accuracy:.4f}"
    moved = f"{decision.before or 'none'} to {decision.version}"
    return time(decision), decision.outcome, moved, accuracy, decision.who, decision.reason


def time(decision: Decision) -> str:
    """Say when, UTC, to the second."""
    return f"{decision.at:%Y-%m-%d %H:%M:%S}"


if __name__ == "__main__":
    cli.run(main)
