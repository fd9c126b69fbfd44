"""The model card: what the model is for, what it is not for, and how good it is."""

from __future__ import annotations

from typing import Any

import pandas as pd

from src.report import robustness

TEMPLATE = """\
# {name}: {labels}

{warning}A {architecture} network that reads the emotion of one face from 48 x 48 grey levels.

## Intended use

Trying out, teaching, and interfaces that react to a visible expression with the person's knowledge and consent, on
the device: no picture needs to leave it.

## Misuse

An expression is not a feeling: it can be played, hidden, or mean something else elsewhere. Do not use the model to
judge, select, watch or score people. In the EU it is prohibited to infer emotions of people at the workplace and in
education, except for medical or safety reasons (Regulation (EU) 2024/1689, Artificial Intelligence Act, Article
5(1)(f)); elsewhere such a system is high-risk (Annex III) and people must be told of it (Article 50(3)).

## How good it is

Accuracy {accuracy:.2%} (95 % interval {low:.1%} to {high:.1%}) on {images:,} {split}.

| emotion | precision | recall | F1 | images |
|---|---|---|---|---|
{per_emotion}

## How sure it is

The expected calibration error is {calibration_error:.3f}: by so much the confidence differs from the share of right
answers, on average. A confidence is no probability that somebody feels something.

## On harder faces

Faces of test, disturbed by code; the mean over several strengths. A shift by 4 of 48 pixels changes the accuracy by
{shift:+.1f} points, half the light by {light:+.1f}, the worst disturbance by {worst:+.1f}.

| disturbance | {heads} |
|---|{rules}
{disturbances}

`hog-svm` and `hog-knn` are classifiers on hand-crafted features (histograms of oriented gradients), for comparison;
they learned from the faces as they are, the network as its run's parameters say, with augmentation if there is one.

## Data and licence

{data}
"""

FER2013 = """\
FER2013 (Goodfellow et al., Challenges in Representation Learning, 2013): photographs found by web search, collected
for research. Its authors gave no licence to redistribute them, nobody shown was asked, and the model's licence does not
cover them.

Its labels are noisy: asked about all seven emotions, people agree with them on 65 ± 5 %. Age, gender and origin of the
faces are not recorded: how accurate the model is for a group of people is unknown."""

DRAWN = "Faces drawn by code, with varied position, lighting and noise. Nobody is shown, and no label is wrong."


def write(facts: dict[str, Any], scored: dict[str, Any], disturbed: pd.DataFrame) -> str:
    """Give the card as markdown.

    Args:
        facts: What the bundle's manifest says: name, labels, drawn, protocol, architecture, ...
        scored: Content of metrics.json.
        disturbed: Content of robustness.csv.
    """
    test, hard = scored["test"], scored["robustness"]
    models = {name: robustness.summarise(disturbed, name) for name in disturbed["model"].unique()}
    return TEMPLATE.format(
        name=facts["name"],
        labels=", ".join(facts["labels"]),
        warning="**Trained on faces drawn by code: it says nothing about real faces.**\n\n" if facts["drawn"] else "",
        architecture=facts["architecture"],
        accuracy=test["accuracy"],
        low=test["accuracy_low"],
        high=test["accuracy_high"],
        images=test["images"],
        split=_split(facts),
        per_emotion="\n".join(
            f"| {emotion} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} | {row['support']:,} |"
            for emotion, row in scored["per_emotion"].items()
        ),
        calibration_error=test["calibration_error"],
        shift=0 - 100 * hard["drop_shift_4px"],
        light=0 - 100 * hard["drop_half_brightness"],
        worst=0 - 100 * hard["worst_drop"],
        heads=" | ".join(models),
        rules="---|" * len(models),
        disturbances="\n".join(
            f"| {name.replace('_', ' ')} | {' | '.join(f'{found[name]:.1%}' for found in models.values())} |"
            for name in hard
            if "drop" not in name
        ),
        data=DRAWN if facts["drawn"] else FER2013,
    )


def _split(facts: dict[str, Any]) -> str:
    if facts["protocol"] == "pooled":
        faces = "drawn faces" if facts["drawn"] else "images"
        return f"{faces} of the pooled 10 %, which also chose the model (so the figure is optimistic)"
    if facts["drawn"]:
        return "drawn faces of its test split"
    return "images of FER2013's PrivateTest"
