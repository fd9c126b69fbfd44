"""What candidate and champion are asked: their files, whether they may compete, and the test split, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.params import PromoteParams
from src.tracking import bundle, decisions, gate, versions
from src.tracking.judgement import Judgement
from src.tracking.versions import Version

FILES = {"candidate": "files", "champion": "champion's files"}
WHOLE = "whole, golden samples right"
ROUNDS, CALLS = 9, 20
"""Of timing; candidate and champion take turns, because other work on the machine comes and goes."""


class Exam(NamedTuple):
    """The test split that every version is asked.

    Attributes:
        images: uint8 (n, 48, 48, 1).
        labels: int (n,), index into emotions.
        emotions: Their names.
        digest: sha256 of all of this.
    """

    images: np.ndarray
    labels: np.ndarray
    emotions: tuple[str, ...]
    digest: str


def examine(
    client: Any, judgement: Judgement, candidate: Version, champion: Version | None, params: PromoteParams, exam: Exam,
    past: list[decisions.Decision], folder: Path,
) -> None:  # fmt: skip
    """Fill in the judgement: files first, then whether the versions may be asked, then what they answer."""
    manifests = {}
    for who, version in (("candidate", candidate), ("champion", champion)):
        if version is None:
            continue
        try:
            if who == "candidate":
                versions.demand_whole(client, version)
            manifests[who] = bundle.verify(versions.fetch(client, version, folder / who))
            if who == "candidate":
                versions.demand_unchanged(client, version)
        except ValueError as error:
            judgement.rules.append(gate.Rule(FILES[who], WHOLE, str(error).replace(f"{folder / who}/", ""), False))
        else:
            judgement.rules.append(gate.Rule(FILES[who], WHOLE, "so they are", True))
    if not judgement.passed:
        return
    judgement.rules += gate.admit(
        params, judgement.name, exam.digest, manifests["candidate"], manifests.get("champion")
    )
    if not judgement.passed:
        return
    if champion is not None and manifests["champion"]["test_digest"] != exam.digest:
        del manifests["champion"]
    _ask(judgement, manifests, exam, folder)
    ours, theirs = judgement.scores["candidate"], judgement.scores.get("champion")
    known = (decisions.best_accuracy(past, exam.digest), theirs and theirs.accuracy)
    judgement.best = max((accuracy for accuracy in known if accuracy is not None), default=None)
    judgement.asked = decisions.times_asked(client, exam.digest) + 1
    judgement.rules += gate.judge(params, ours, theirs, judgement.comparison, judgement.best, judgement.latency_ratio)


def _ask(judgement: Judgement, manifests: dict[str, dict], exam: Exam, folder: Path) -> None:
    from src.network.litert import Classifier
    from src.report import metrics, paired

    classifiers = {who: Classifier(folder / who / "bundle" / bundle.MODEL) for who in manifests}
    for who, classifier in classifiers.items():
        predicted = classifier.predict(exam.images).argmax(axis=1)
        confusion = metrics.confusion_matrix(exam.labels, predicted, len(exam.emotions))
        judgement.scores[who] = gate.Scored(
            right=predicted == exam.labels,
            recalls=dict(zip(exam.emotions, metrics.per_class(confusion, exam.emotions)["recall"], strict=True)),
            agreement=manifests[who]["metrics"]["mobile/agreement"],
            size=sum(path.stat().st_size for path in (folder / who / "bundle").iterdir()),
        )
    if "champion" in classifiers:
        judgement.comparison = paired.compare(judgement.scores["candidate"].right, judgement.scores["champion"].right)
        rounds = [[each.latency_ms(exam.images[0], CALLS) for each in classifiers.values()] for _ in range(ROUNDS)]
        judgement.latency_ratio = float(np.median([candidate / champion for candidate, champion in rounds]))
