"""The gate: which rules a candidate must pass to become the champion. Numbers in, a table out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from src.params import PromoteParams
from src.report.paired import SIGNIFICANCE, Comparison

DRAWN_SUFFIX = "-drawn"
ELSEWHERE = ("champion's files", "champion unchanged", "test split", "rules")
"""Rules that say nothing about the candidate itself: refused by one of them it can be judged again."""
ROUNDING = 1e-9
"""0.9 - 0.005 and 0.895 are the same accuracy."""


class Rule(NamedTuple):
    """One line of the table that a person decides by."""

    rule: str
    wanted: str
    found: str
    passed: bool


class Scored(NamedTuple):
    """One version, as a test split shows it.

    Attributes:
        right: bool (n,), which images it calls as they are labelled.
        recalls: Emotion -> share of its images that are called so.
        agreement: Share of val images that the .tflite calls as the Keras model does.
        size: Bytes of the whole bundle.
    """

    right: np.ndarray
    recalls: dict[str, float]
    agreement: float
    size: int

    @property
    def accuracy(self) -> float:
        """Share of the images that it is right about."""
        return float(self.right.mean())


def admit(
    params: PromoteParams, name: str, test_digest: str, candidate: dict[str, Any], champion: dict[str, Any] | None
) -> list[Rule]:
    """Say whether two versions may be asked at all, from their manifests.

    Args:
        params: The section `promote`.
        name: The registered model; drawn faces have one of their own.
        test_digest: sha256 of the test split that they would be asked.
        candidate: Manifest of the candidate.
        champion: Manifest of the champion; None where there is none.
    """
    faces = "drawn by code" if name.endswith(DRAWN_SUFFIX) else "FER2013"
    found = "drawn by code" if candidate["drawn"] else "FER2013"
    split = candidate["test_digest"]
    rules = [
        Rule("registered as", name, candidate["name"], candidate["name"] == name),
        Rule("faces", faces, found, found == faces),
        Rule("protocol", "official", candidate["protocol"], candidate["protocol"] == "official"),
        Rule("test split", f"{test_digest[:12]} (this workspace's)", split[:12], split == test_digest),
    ]
    if champion is None:
        return rules
    ours, theirs = (f"{', '.join(each['labels'])} ({each['test_digest'][:12]})" for each in (candidate, champion))
    if ours != theirs and not params.same_test:
        return [*rules, Rule("same_test", f"off: not compared with {theirs}, the absolute rules decide", ours, True)]
    return [*rules, Rule("same_test", theirs, ours, ours == theirs)]


def judge(
    params: PromoteParams,
    candidate: Scored,
    champion: Scored | None = None,
    comparison: Comparison | None = None,
    best: float | None = None,
    latency_ratio: float | None = None,
) -> list[Rule]:
    """Apply the rules of params.yaml to what was measured; a candidate that is significantly worse never passes.

    Args:
        params: The section `promote`.
        candidate: The candidate on test.
        champion: The champion on the same images; None where there is none, or its test split is another.
        comparison: Of these two.
        best: Accuracy of the best champion so far on this test split.
        latency_ratio: Time per face, candidate over champion.
    """
    rules = _absolute(params, candidate)
    if champion is not None:
        rules += _least("max_drop", params.max_drop, champion.accuracy, candidate.accuracy)
    if best is not None:
        rules += _least("max_drop_from_best", params.max_drop_from_best, best, candidate.accuracy)
    if latency_ratio is not None and params.max_latency_ratio is not None:
        passed = latency_ratio <= params.max_latency_ratio
        wanted = f"at most {params.max_latency_ratio:g} times the champion's"
        rules.append(Rule("max_latency_ratio", wanted, f"{latency_ratio:.{2 if passed else 4}f}", passed))
    if not rules:
        rules.append(Rule("rules", "at least one that applies", "none in params.yaml", False))
    if comparison is not None:
        passed = comparison.verdict != "worse"
        found = f"{comparison.verdict} (p = {comparison.p:.{2 if passed else 4}g})"
        rules.append(Rule("against champion", f"not worse at p < {SIGNIFICANCE}", found, passed))
    return rules


def _absolute(params: PromoteParams, candidate: Scored) -> list[Rule]:
    lowest = min(candidate.recalls, key=candidate.recalls.__getitem__)
    rules = _least("min_accuracy", params.min_accuracy, None, candidate.accuracy)
    rules += _least("min_recall", params.min_recall, None, candidate.recalls[lowest], f" ({lowest})")
    rules += _least("min_agreement", params.min_agreement, None, candidate.agreement)
    if params.max_bytes is not None:
        passed = candidate.size <= params.max_bytes
        rules.append(Rule("max_bytes", f"at most {params.max_bytes:,}", f"{candidate.size:,}", passed))
    return rules


def _least(rule: str, bound: float | None, origin: float | None, found: float, note: str = "") -> list[Rule]:
    """Give the rule that `found` is at least `bound`, or at least `origin - bound`; no rule where `bound` is None."""
    if bound is None:
        return []
    least = bound if origin is None else origin - bound
    passed = found >= least - ROUNDING
    digits = 4 if passed else 6  # what misses by one image is to be seen to
    how = "" if origin is None else f" ({origin:.{digits}f} less {bound:g})"
    return [Rule(rule, f"at least {least:.{digits}f}{how}", f"{found:.{digits}f}{note}", passed)]
