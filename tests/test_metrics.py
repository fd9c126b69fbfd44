import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

from src.report import metrics


def test_the_row_of_a_confusion_matrix_is_the_true_class():
    assert metrics.confusion_matrix(np.array([0, 0, 1]), np.array([1, 0, 1]), 2).tolist() == [[1, 1], [0, 1]]


def test_macro_f1_is_not_fooled_by_the_majority_class():
    labels = np.repeat([0, 1], [90, 10])
    always_happy = np.tile([0.9, 0.1], (100, 1))
    found = metrics.summarise(labels, always_happy)
    assert found["accuracy"] == 0.9
    assert found["macro_f1"] == pytest.approx((180 / 190 + 0) / 2)
    assert found["balanced_accuracy"] == 0.5
    assert found["wrong"] == 10


def test_the_interval_is_wilsons():
    # Newcombe 1998, table I: 15 of 148 gives 0.0624 to 0.1605
    assert metrics.wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert metrics.wilson_interval(10, 10)[1] == pytest.approx(1)


def test_log_loss_is_the_mean_of_minus_ln_and_survives_a_probability_of_zero():
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75]], np.float32)
    assert metrics.log_loss(np.array([0, 1]), probabilities) == pytest.approx((math.log(2) - math.log(0.75)) / 2)
    assert metrics.log_loss(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(-math.log(1e-7))


def test_a_class_that_is_never_predicted_has_precision_zero_not_nan():
    table = metrics.per_class(np.array([[3, 0], [2, 0]]), ("happy", "sad"))
    assert list(table.loc["sad"]) == [0, 0, 0, 2]
    assert table.loc["happy", "precision"] == 0.6


@settings(deadline=None)  # scikit-learn's first call takes longer
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_the_numbers_are_those_of_scikit_learn(pairs: list[tuple[int, int]]):
    labels, predicted = np.array(pairs).T
    found = metrics.summarise(labels, np.eye(3)[predicted])
    counted = metrics.confusion_matrix(labels, predicted, 3)
    assert counted.tolist() == confusion_matrix(labels, predicted, labels=range(3)).tolist()
    expected = precision_recall_fscore_support(labels, predicted, labels=range(3), zero_division=0)
    assert np.allclose(metrics.per_class(counted).to_numpy().T, np.array(expected, float))
    f1 = f1_score(labels, predicted, labels=range(3), average="macro", zero_division=0)
    assert found["macro_f1"] == pytest.approx(f1)
    if set(labels) == {0, 1, 2}:
        assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, predicted))


def test_the_report_names_every_emotion_and_the_accuracy():
    text = metrics.classification_report(metrics.per_class(np.array([[3, 1], [0, 4]]), ("happy", "sad")), 0.875)
    assert "happy    1.0000 0.7500 0.8571        4" in text
    assert "accuracy 0.8750 of 8 images" in text
