"""What the gate found out about a candidate, for people and for the record."""

from __future__ import annotations

from dataclasses import dataclass, field

from src.report.paired import Comparison
from src.tracking.gate import Rule, Scored


@dataclass
class Judgement:
    """Everything that a decision rests on.

    Attributes:
        name: The registered model.
        candidate: Number of the version that wants to become the champion.
        champion: Number of the present champion; None where there is none.
        test_digest: sha256 of the test split.
        images: Number of images in it.
        rules: The table; the candidate passes if every line does.
        scores: `candidate`, and `champion` where it could be asked; empty when the candidate was not let in.
        comparison: Of the two on the same images.
        best: Accuracy of the best champion so far on this test split.
        latency_ratio: Time per face, candidate over champion.
        asked: How many times this test split has been asked, this time included; 0 if it was not.
    """

    name: str
    candidate: str
    champion: str | None
    test_digest: str
    images: int
    rules: list[Rule] = field(default_factory=list)
    scores: dict[str, Scored] = field(default_factory=dict)
    comparison: Comparison | None = None
    best: float | None = None
    latency_ratio: float | None = None
    asked: int = 0

    @property
    def passed(self) -> bool:
        """Whether every rule is passed."""
        return all(rule.passed for rule in self.rules)

    def why_not(self) -> str:
        """Name the rules that are not passed, with what was found."""
        return "; ".join(
            f"{rule.rule}: found {rule.found}, wanted {rule.wanted}" for rule in self.rules if not rule.passed
        )

    def why(self) -> str:
        """Say in one line what a version that passed was compared with."""
        if self.comparison is not None:
            return f"against version {self.champion}: {self.comparison}"
        return f"accuracy {self.scores['candidate'].accuracy:.4f}; there was nothing to compare it with"

    def metrics(self) -> dict[str, float]:
        """Give every number by a name for MLflow: `candidate/accuracy`, `champion/recall/happy`, `p`, ..."""
        found: dict[str, float] = {"asked": self.asked}
        for who, scored in self.scores.items():
            found |= {
                f"{who}/accuracy": scored.accuracy,
                f"{who}/agreement": scored.agreement,
                f"{who}/bytes": scored.size,
            }
            found |= {f"{who}/recall/{emotion}": recall for emotion, recall in scored.recalls.items()}
        if self.comparison is not None:
            found |= self.comparison._asdict()
        if self.best is not None:
            found["best_so_far"] = self.best
        if self.latency_ratio is not None:
            found["latency_ratio"] = self.latency_ratio
        return found

    def text(self) -> str:
        """Write the tables that a person can decide by."""
        against = f"against version {self.champion}, the champion" if self.champion else "there is no champion yet"
        lines = [f"{self.name} version {self.candidate}, {against}"]
        if self.scores:
            lines += ["", f"on the {self.images:,} images of the test split:", *columns(self._numbers())]
        if self.comparison is not None:
            lines += ["", str(self.comparison)]
        marks = [("passed" if rule.passed else "REFUSED", rule.rule, rule.wanted, rule.found) for rule in self.rules]
        lines += ["", *columns([("", "rule", "wanted", "found"), *marks])]
        if self.asked:
            times = (
                "for the first time"
                if self.asked == 1
                else f"{self.asked} times by now; each time it means a little less"
            )
            lines += ["", f"The gate has asked this test split {times}."]
        return "\n".join(lines)

    def _numbers(self) -> list[tuple[str, ...]]:
        scored = list(self.scores.values())
        recalls = [
            (f"recall of {emotion}", *(f"{each.recalls[emotion]:.4f}" for each in scored))
            for emotion in scored[0].recalls
        ]
        return [
            ("", *self.scores),
            ("accuracy", *(f"{each.accuracy:.4f}" for each in scored)),
            *recalls,
            ("agreement with Keras on val", *(f"{each.agreement:.4f}" for each in scored)),
            ("bytes of the bundle", *(f"{each.size:,}" for each in scored)),
        ]


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Give lines with the cells of each column below one another."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
