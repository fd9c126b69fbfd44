import keras
import numpy as np
import pytest

from src.network.architectures import build
from src.network.calibration import divide_logits, fit_temperature
from src.network.fitting import predict
from src.params import ModelParams


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_by_which_labels_were_drawn_is_found(temperature: float) -> None:
    """Labels drawn from softmax(logits / t) are described best by dividing the logits by t."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20_000, 3))
    true = softmax(logits / temperature)
    labels = (true.cumsum(axis=1) < random.random((len(true), 1))).sum(axis=1)
    assert fit_temperature(softmax(logits), labels) == pytest.approx(temperature, rel=0.05)


def test_a_network_that_is_always_right_gets_a_bounded_temperature() -> None:
    assert fit_temperature(np.eye(3), np.arange(3)) == pytest.approx(0.1, rel=0.01)


def test_dividing_the_logits_by_two_takes_the_root_of_every_ratio_of_probabilities(model_params: ModelParams) -> None:
    keras.utils.set_random_seed(1)
    model = build(model_params.model_copy(update={"width": 0.25}), 3)
    model.get_layer("probabilities").bias.assign([1.0, 0.0, -1.0])
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1), np.uint8)
    before = predict(model, images)
    divide_logits(model, 2.0)
    after = predict(model, images)
    ratios = after[:, :1] / after[:, 1:]
    assert ratios == pytest.approx(np.sqrt(before[:, :1] / before[:, 1:]), rel=1e-4)
