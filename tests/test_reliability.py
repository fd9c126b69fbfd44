import numpy as np
import pytest

from src.report.reliability import by_confidence, coverage, expected_error


def of_confidence(confidence: list[float]) -> np.ndarray:
    return np.array([[value, 1 - value] for value in confidence])


def test_bins_hold_equally_many_images_in_the_order_of_confidence():
    bins = by_confidence(np.zeros(4, int), of_confidence([0.9, 0.6, 0.8, 0.7]), bins=2)
    assert list(bins["images"]) == [2, 2]
    assert list(bins["confidence"]) == pytest.approx([0.65, 0.85])


def test_the_error_is_the_mean_gap_between_confidence_and_accuracy():
    labels = np.array([0, 1, 0, 0])  # of the less confident two one is right, of the others both
    bins = by_confidence(labels, of_confidence([0.6, 0.7, 0.8, 0.9]), bins=2)
    assert list(bins["accuracy"]) == [0.5, 1]
    assert expected_error(bins) == pytest.approx((0.15 + 0.15) / 2)


def test_a_model_that_is_right_as_often_as_it_is_sure_has_no_error():
    labels = np.array([0, 0, 0, 1] * 5)
    assert expected_error(by_confidence(labels, of_confidence([0.75] * 20), bins=5)) == pytest.approx(0)
    assert len(by_confidence(labels[:3], of_confidence([0.7, 0.8, 0.9]))) == 3, "no bin is empty"


def test_the_order_of_images_that_are_equally_sure_does_not_matter():
    labels, probabilities = np.array([0, 0, 1, 0, 1, 0]), of_confidence([0.6, 0.8, 0.8, 0.8, 0.8, 0.9])
    bins = by_confidence(labels, probabilities, bins=3)
    assert list(bins["images"]) == [5, 1]
    turned = by_confidence(labels[::-1], probabilities[::-1], bins=3)
    assert turned.to_numpy() == pytest.approx(bins.to_numpy())


def test_a_threshold_trades_coverage_for_precision():
    table = coverage(np.array([0, 1, 0, 0]), of_confidence([0.6, 0.7, 0.8, 0.9]), np.array([0.5, 0.75, 0.95]))
    assert table.to_dict("records") == [
        {"threshold": 0.5, "coverage": 1.0, "precision": 0.75},
        {"threshold": 0.75, "coverage": 0.5, "precision": 1.0},
    ]
