"""The model card: what the model is for, what it is not for, and how good it is."""

from __future__ import annotations

from typing import Any


def write(facts: dict[str, Any], per_emotion: dict[str, dict[str, float]]) -> str:
    """Give the card as markdown.

    Args:
        facts: What the bundle's manifest says: name, labels, drawn, protocol, metrics, ...
        per_emotion: Emotion -> precision, recall, f1 and support on test.
    """
    metrics = facts["metrics"]
    lines = [
        f"# {facts['name']}: {', '.join(facts['labels'])}",
        "",
        _warning(facts),
        f"A {facts['architecture']} network that reads the emotion of one face from 48 x 48 grey levels.",
        "",
        "## How good it is",
        "",
        f"Accuracy {metrics['test/accuracy']:.2%} (95 % interval {metrics['test/accuracy_low']:.1%} to "
        f"{metrics['test/accuracy_high']:.1%}) on {metrics['test/images']:,} {_images(facts)}.",
        "",
        "| emotion | precision | recall | F1 | images |",
        "|---|---|---|---|---|",
        *(
            f"| {emotion} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} | {row['support']:,} |"
            for emotion, row in per_emotion.items()
        ),
        "",
        "## What it is for",
        "",
        "Trying out, teaching, and interfaces that react to a visible expression with the person's consent, on the",
        "device.",
        "",
        "## What it is not for",
        "",
        "An expression is not a feeling. Do not use it to judge, select, watch or score people. The EU's AI Act",
        "forbids inferring emotions at work and in education (Regulation (EU) 2024/1689, Article 5(1)(f)).",
        "",
        "## Data",
        "",
        _data(facts),
        "",
    ]
    return "\n".join(line for line in lines if line is not None)


def _warning(facts: dict[str, Any]) -> str | None:
    return "**Trained on faces drawn by code: it says nothing about real faces.**\n" if facts["drawn"] else None


def _images(facts: dict[str, Any]) -> str:
    if facts["drawn"]:
        return "drawn faces of its test split"
    if facts["protocol"] == "pooled":
        return "images of the pooled 10 %, which also chose the model (so the figure is optimistic)"
    return "images of FER2013's PrivateTest"


def _data(facts: dict[str, Any]) -> str:
    if facts["drawn"]:
        return "Faces drawn by code, every emotion, with varied position, lighting and noise."
    return (
        "FER2013 (Goodfellow et al. 2013), web images for research use. Its labels are noisy: people agree with them "
        "on 65 ± 5 %. Age, gender and origin of the faces are not recorded, so the accuracy for a group is unknown."
    )
