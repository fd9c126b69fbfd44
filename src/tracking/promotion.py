"""Promotion and rollback: the alias `champion` moves only to a version that was compared with the one it leaves."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from src.params import PromoteParams
from src.tracking import bundle, decisions, gate, lock, signing, store, versions
from src.tracking.examination import Exam, examine
from src.tracking.judgement import Judgement

NOTHING_TO_DO, SIGNED = "nothing to do", "signed"


class Decided(NamedTuple):
    """What became of a promotion or a rollback.

    Attributes:
        outcome: One of the words in `decisions`, `signed`, or `nothing to do`.
        version: The version it is about.
        champion: The champion before.
        judgement: The evidence; None where nothing was judged.
    """

    outcome: str
    version: str
    champion: str | None
    judgement: Judgement | None = None


def promote(
    name: str, version: str | None, params: PromoteParams, exam: Exam, reason: str = "", dry_run: bool = False
) -> Decided:
    """Judge a version against the champion, keep the decision, and move the alias if every rule is passed.

    Args:
        name: The registered model.
        version: Number of the version; None takes the one with the alias `candidate`.
        params: The rules.
        exam: This workspace's test split.
        reason: What the person says about it.
        dry_run: Decide, but move nothing. The decision is kept, because the test split was asked all the same.

    Raises:
        ValueError: There is no such version, it was rolled back and is not named by its number, or it is to be signed
            as the champion that it is and was not promoted here.
        ConnectionError: The store can't be reached.
        TimeoutError: Another promotion does not end.
    """
    key = signing.configured_key()
    client = store.connect()
    candidate = versions.find(client, name, version, versions.CANDIDATE)
    champion = versions.by_alias(client, name, versions.CHAMPION)
    if champion and champion.number == candidate.number and not dry_run:
        with store.errors(), lock.held(client, name):  # the promotion that made it so may have been cut off
            _settled(client, name)
        champion = versions.by_alias(client, name, versions.CHAMPION)
    number = champion and champion.number
    if number == candidate.number:
        return Decided(_sign_champion(client, candidate, None if dry_run else key), number, number)
    with store.errors(), tempfile.TemporaryDirectory() as folder:
        past = decisions.history(client, name, number)
        if version is None and candidate.number in (out := decisions.rolled_back(past)):
            raise ValueError(
                f"{name} version {candidate.number} was rolled back ({out[candidate.number] or 'no reason given'}); "
                f"train a better one, or say --version {candidate.number} to judge it again"
            )
        judgement = Judgement(name, candidate.number, number, exam.digest, len(exam.images))
        examine(client, judgement, candidate, champion, params, exam, past, Path(folder))
        signature = _sign(Path(folder) / "candidate" / "bundle", key) if judgement.passed else None
        outcome = _decide(client, candidate, judgement, params, reason, dry_run, signature)
    return Decided(outcome, candidate.number, number, judgement)


def rollback(name: str, version: str | None, reason: str = "") -> Decided:
    """Put the champion before the present one back, once its files and golden samples are seen to be right.

    A rollback that was cut off after it had moved the alias is completed, and nothing else is done. The version is
    signed only if it was promoted here; an earlier signature of the same bytes stays.

    Args:
        name: The registered model.
        version: An earlier champion; None takes the one before the present one, those rolled back left out.
        reason: What the person says about it.

    Raises:
        ValueError: There is no such champion, or its files are missing or changed.
        ConnectionError: The store can't be reached.
        TimeoutError: Another promotion does not end.
    """
    key = signing.configured_key()
    client = store.connect()
    with store.errors(), tempfile.TemporaryDirectory() as folder:
        present = versions.find(client, name, None, versions.CHAMPION).number
        with lock.held(client, name):
            _, completed = _settled(client, name)
        for decision in completed:
            if (decision.outcome, decision.version) == (decisions.ROLLED_BACK, present) and version in (None, present):
                return Decided(decisions.ROLLED_BACK, present, decision.before)
        past = decisions.history(client, name, present)
        earlier = decisions.earlier_champions(past, present)
        if not earlier or version not in (None, *earlier):
            known = f"versions {', '.join(earlier)}" if earlier else "none"
            raise ValueError(
                f"{name} can't go back from version {present} to {version or 'another'}; earlier champions: {known}"
            )
        target = versions.find(client, name, version or earlier[-1], versions.CHAMPION)
        versions.demand_whole(client, target)
        there = versions.fetch(client, target, Path(folder))
        bundle.verify(there)
        versions.demand_unchanged(client, target)
        with lock.held(client, name) as keep:
            champion, _ = _settled(client, name)
            if champion != present:
                raise ValueError(f"{name} version {present} is no longer the champion; run this again")
            judged = decisions.promotion_of(client, past, target)
            run_id = decisions.begin(client, decisions.ROLLED_BACK, present, target, reason, promotion=judged)
            _move(client, name, target.number, _sign(there, key) if judged else None, keep)
            decisions.finish(client, run_id, decisions.ROLLED_BACK)
    return Decided(decisions.ROLLED_BACK, target.number, present)


def _settled(client: Any, name: str) -> tuple[str | None, list[decisions.Decision]]:
    """Complete the decisions that were cut off, with the lock held; gives the champion's number, and them."""
    champion = versions.by_alias(client, name, versions.CHAMPION)
    number = champion and champion.number
    return number, decisions.settle(client, name, number)


def _decide(
    client: Any, candidate: versions.Version, judgement: Judgement, params: PromoteParams, reason: str, dry_run: bool,
    signature: str | None,
) -> str:  # fmt: skip
    """Keep the decision, and carry it out if nobody else has moved the alias since."""
    name, version, expected = candidate.name, candidate.number, judgement.champion
    with lock.held(client, name) as keep:
        present, _ = _settled(client, name)
        outcome = decisions.PROMOTED if judgement.passed else decisions.REFUSED
        if present != expected:
            outcome = decisions.OVERTAKEN
            judgement.rules.append(gate.Rule("champion unchanged", f"version {expected}", f"version {present}", False))
        elif dry_run:
            outcome = decisions.DRY_RUN
        why = "; ".join(filter(None, (reason, judgement.why_not()))) or judgement.why()
        run_id = decisions.begin(client, outcome, present, candidate, why, judgement, params)
        if outcome == decisions.PROMOTED:
            _move(client, name, version, signature, keep)
        decisions.finish(client, run_id, outcome)
    return outcome


def _sign_champion(client: Any, champion: versions.Version, key: Any) -> str:
    """Sign a champion that was promoted before there was this key."""
    if key is None:
        return NOTHING_TO_DO
    with store.errors(), tempfile.TemporaryDirectory() as folder:
        past = decisions.history(client, champion.name, champion.number)
        if decisions.promotion_of(client, past, champion) is None:
            raise ValueError(
                f"{champion} was made the champion by other hands, and is not signed; take the alias "
                f"{versions.CHAMPION!r} from it, then `python -m src.promote --version {champion.number}` judges it"
            )
        there = versions.fetch(client, champion, Path(folder))
        bundle.verify(there)
        signature = _sign(there, key)
        if champion.tags.get(signing.TAG) == signature:
            return NOTHING_TO_DO
        client.set_model_version_tag(champion.name, champion.number, signing.TAG, signature)
    return SIGNED


def _sign(folder: Path, key: Any) -> str | None:
    return signing.sign((folder / bundle.MANIFEST).read_bytes(), key) if key else None


def _move(client: Any, name: str, version: str, signature: str | None, keep: Any) -> None:
    keep()
    if signature:
        client.set_model_version_tag(name, version, signing.TAG, signature)
    client.set_registered_model_alias(name, versions.CHAMPION, version)
