"""The model report: which figures there are, and the page that explains them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from src.report import gallery, metrics, page, plots, reliability, robustness
from src.report.gallery import Answers


class Findings(NamedTuple):
    """What the report is made of.

    Attributes:
        answers: What the shipped .tflite says of the test split.
        scores: Content of metrics.json.
        history: Content of history.csv, one row per epoch.
        robustness: As `robustness.measure` gives it, of the network and the baseline.
        faces: Which faces these are, in a few words: `FER2013, official`.
        facts: What the model is and where it came from, name -> value.
    """

    answers: Answers
    scores: dict[str, Any]
    history: pd.DataFrame
    robustness: pd.DataFrame
    faces: str
    facts: dict[str, str]

    @property
    def subject(self) -> str:
        """Say which model on which images."""
        return f"{self.scores['variant']} .tflite on test ({self.faces})"


def figures(findings: Findings) -> dict[str, Figure]:
    """Draw every figure, by its name."""
    answers, history = findings.answers, findings.history
    labels, probabilities, names = answers.labels, answers.probabilities, answers.names
    confusion = metrics.confusion_matrix(labels, probabilities.argmax(axis=1), len(names))
    bins = reliability.by_confidence(labels, probabilities)
    error = findings.scores["test"]["calibration_error"]
    found = {
        "confusion_matrix": plots.confusion_heatmaps(confusion, names, f"Confusion matrix: {findings.subject}"),
        "training_curves": plots.training_curves(history, f"Accuracy and loss by epoch ({findings.faces})"),
        "training_violins": plots.history_violins(history, f"Accuracies and losses of all epochs ({findings.faces})"),
        "reliability": plots.reliability_diagram(bins, error, f"Reliability: {findings.subject}"),
        "coverage": plots.coverage_curve(
            reliability.coverage(labels, probabilities), f'What "not sure" costs: {findings.subject}'
        ),
        "robustness": plots.robustness_curves(
            findings.robustness, np.bincount(labels).max() / len(labels), f"Harder faces: {findings.subject}"
        ),
        "faces": gallery.show(
            answers, gallery.random_faces(answers.labels, len(answers.names)), "Random faces of each emotion"
        ),
        "closest_calls": gallery.show(answers, gallery.closest_calls(answers), "The closest calls"),
    }
    mistakes = gallery.confident_mistakes(answers)
    if len(mistakes):
        found["mistakes"] = gallery.show(answers, mistakes, "The most confident mistakes")
    return found


def tell(findings: Findings, pictures: dict[str, bytes]) -> str:
    """Give the page.

    Args:
        findings: What it tells.
        pictures: The figures as PNG, by their names.
    """
    scores, test = findings.scores, findings.scores["test"]
    lead = (
        f"The {findings.subject} answers {test['accuracy']:.1%} of {test['images']:,} images right (95 % interval "
        f"{test['accuracy_low']:.1%} to {test['accuracy_high']:.1%}); {test['wrong']:,} are wrong."
    )
    if scores["protocol"] == "pooled":
        lead += " These images chose the weights too, as in the seed: the figure is optimistic."
    facts = findings.facts | {
        "emotions": ", ".join(findings.answers.names),
        "macro F1": f"{test['macro_f1']:.3f}",
        "log loss": f"{test['log_loss']:.3f}",
        "Keras model": f"{scores['keras']['accuracy']:.1%}, the same emotion on {scores['agreement']:.1%}",
    }
    parts = [
        page.Part(title, text, tuple(pictures[name] for name in shown if name in pictures), table)
        for title, text, shown, table in _parts(findings)
    ]
    return page.render("Model report", lead, facts, parts)


def _parts(findings: Findings) -> list[tuple[str, str, tuple[str, ...], pd.DataFrame | None]]:
    """Give title, text, names of the figures, and table of each section."""
    best = int(findings.history["val_accuracy"].argmax()) + 1
    bins = len(reliability.by_confidence(findings.answers.labels, findings.answers.probabilities))
    return [
        (
            "Accuracy by emotion",
            "Precision: right, of those called so. Recall: found, of those that are so. Rows of the matrices are the "
            "true emotions, columns what the model says.",
            ("confusion_matrix",),
            _per_emotion(findings),
        ),
        (
            "How sure it is",
            "Where the dots lie below the dotted line, the model is surer than it is right. The expected calibration "
            f"error, over {bins} bins of about equally many images, is "
            f"{findings.scores['test']['calibration_error']:.3f}.",
            ("reliability",),
            None,
        ),
        (
            'What a "not sure" threshold costs',
            "An app that shows only answers of at least some confidence is right more often, and silent more often.",
            ("coverage",),
            _thresholds(findings.answers),
        ),
        ("Harder faces", _robustness(findings), ("robustness",), _hardest(findings.robustness)),
        (
            "Faces",
            "Below each face its true emotion, then what the model says and how sure it is; mistakes have a frame and "
            "a cross.",
            ("faces",),
            None,
        ),
        (
            "The most confident mistakes",
            ("Wrong, and surest of it." if findings.scores["test"]["wrong"] else "There is no mistake.")
            + (
                " Some of FER2013's labels are wrong themselves: asked about all seven emotions, people agree with "
                "65 ± 5 % of them."
                if findings.faces.startswith("FER2013")
                else ""
            ),
            ("mistakes",),
            None,
        ),
        (
            "The closest calls",
            "The images whose two likeliest emotions are closest to equally likely.",
            ("closest_calls",),
            None,
        ),
        (
            "Training",
            f"{len(findings.history)} epochs; the weights of epoch {best}, the best on val, were kept. Train images "
            "are augmented, and perhaps blended and answered by a teacher too, so train can lie below val, and its "
            "loss is another one; where params.yaml lets the images grow, the curves have a kink. The violins show "
            "how the same values are distributed, lines at the quartiles.",
            ("training_curves", "training_violins"),
            None,
        ),
    ]


def _per_emotion(findings: Findings) -> pd.DataFrame:
    table = pd.DataFrame(findings.scores["per_emotion"]).T
    shares = table[["precision", "recall", "f1"]].map("{:.3f}".format)
    return shares.assign(images=table["support"].map("{:,.0f}".format))


def _thresholds(answers: Answers) -> pd.DataFrame:
    thresholds = np.array([0.5, 0.6, 0.7, 0.8, 0.9])
    table = reliability.coverage(answers.labels, answers.probabilities, thresholds).set_index("threshold")
    return table.map("{:.1%}".format).rename_axis(index=None)


def _robustness(findings: Findings) -> str:
    found = findings.scores["robustness"]
    table = findings.robustness
    mine = table[(table["model"] == robustness.NETWORK) & (table["strength"] > 0)]
    worst = mine.sort_values("accuracy").iloc[0]
    return (
        f"Over all of these disturbances the network answers {found['mean']:.1%} right. A shift of 4 pixels changes "
        f"its accuracy by {0 - 100 * found['drop_shift_4px']:+.1f} points, half the light by "
        f"{0 - 100 * found['drop_half_brightness']:+.1f}; the worst is {worst['disturbance']} {worst['strength']:g} "
        f"({worst['unit']}), {0 - 100 * found['worst_drop']:+.1f}. Every model sees the same disturbed faces. The "
        "network was trained as params.yaml says, with augmentation if there is one, the baseline on the faces as they "
        "are."
    )


def _hardest(table: pd.DataFrame) -> pd.DataFrame:
    """Give accuracy as they are and at the greatest strength of each disturbance, one column per model."""
    keys = table["disturbance"] + table["strength"].map(" {:g} (".format) + table["unit"] + ")"
    greatest = table.groupby("disturbance")["strength"].transform("max") == table["strength"]
    clean = (table["strength"] == 0) & (table["disturbance"] == table["disturbance"].iloc[0])
    chosen = table.assign(faces=keys.mask(table["strength"] == 0, "as they are"))[greatest | clean]
    wide = chosen.pivot_table(index="faces", columns="model", values="accuracy", sort=False)
    return wide.map("{:.1%}".format).rename_axis(index=None, columns=None)
