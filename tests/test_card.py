import pandas as pd
import pytest

from src.report import card

FACTS = {
    "name": "fer-emotion", "labels": ["happy", "sad"], "drawn": False, "protocol": "official", "architecture": "resnet",
}  # fmt: skip
SCORED = {
    "test": {
        "accuracy": 0.8, "accuracy_low": 0.78, "accuracy_high": 0.82, "images": 2099, "calibration_error": 0.031,
    },
    "per_emotion": {
        "happy": {"precision": 0.9, "recall": 0.85, "f1": 0.874, "support": 1200},
        "sad": {"precision": 0.7, "recall": 0.75, "f1": 0.724, "support": 899},
    },
    "robustness": {"mean": 0.6, "blur": 0.55, "drop_shift_4px": -0.01, "drop_half_brightness": 0.02, "worst_drop": 0.4},
}  # fmt: skip
DISTURBED = pd.DataFrame(
    [
        (kind, strength, model, accuracy - strength / 100)
        for model, accuracy in (("network", 0.8), ("hog-svm", 0.6))
        for kind, strength in (("shift", 0), ("shift", 4), ("darken", 0), ("darken", 0.5), ("blur", 0), ("blur", 2))
    ],
    columns=["disturbance", "strength", "model", "accuracy"],
)


def test_the_card_says_how_good_how_sure_and_how_robust_the_model_is():
    text = card.write(FACTS, SCORED, DISTURBED)
    assert "Accuracy 80.00% (95 % interval 78.0% to 82.0%) on 2,099 images of FER2013's PrivateTest" in text
    assert "| sad | 0.700 | 0.750 | 0.724 | 899 |" in text
    assert "calibration error is 0.031" in text
    assert (
        "4 of 48 pixels changes the accuracy by\n+1.0 points, half the light by -2.0, the worst disturbance by -40.0"
        in text
    )
    assert "| disturbance | network | hog-svm |\n|---|---|---|\n" in text
    assert "| blur | 78.0% | 58.0% |" in text


def test_the_card_says_what_the_model_must_not_be_used_for_and_what_is_wrong_with_the_data():
    text = " ".join(card.write(FACTS, SCORED, DISTURBED).split())
    for phrase in (
        "Article 5(1)(f)",
        "workplace and in education",
        "medical or safety",
        "licence",
        "65 ± 5 %",
        "unknown",
    ):
        assert phrase in text


@pytest.mark.parametrize(
    ("facts", "phrase"),
    [
        ({"drawn": True}, "**Trained on faces drawn by code: it says nothing about real faces.**"),
        ({"drawn": True}, "no label is wrong"),
        ({"drawn": True, "protocol": "pooled"}, "drawn faces of the pooled 10 %, which also chose the model"),
        ({"protocol": "pooled"}, "which also chose the model (so the figure is optimistic)"),
    ],
)
def test_the_card_of_a_model_that_proves_less_says_so(facts: dict, phrase: str):
    assert phrase in card.write(FACTS | facts, SCORED, DISTURBED)
    assert phrase not in card.write(FACTS, SCORED, DISTURBED)
