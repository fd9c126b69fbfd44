"""Probabilities that mean what they say: a temperature fitted on val, folded into the last layer."""

from __future__ import annotations

import keras
import numpy as np


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Give the temperature with the least cross-entropy on these images (Guo et al. 2017).

    Args:
        probabilities: float array (n, classes).
        labels: int array (n,).

    Returns:
        What the logits are to be divided by, between 1/10 and 10: above 1 where the network was too sure.
    """
    from scipy.optimize import minimize_scalar

    logits = np.log(np.maximum(probabilities.astype("float64"), 1e-12))

    def cross_entropy(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        true = np.take_along_axis(scaled, labels[:, None], axis=1)[:, 0]
        return float(np.mean(np.logaddexp.reduce(scaled, axis=1) - true))

    bounds = (np.log(0.1), np.log(10))
    return float(np.exp(minimize_scalar(cross_entropy, bounds=bounds, method="bounded").x))


def divide_logits(model: keras.Model, temperature: float) -> None:
    """Divide the logits of a network that `architectures.build` made; which emotion is likeliest stays the same."""
    last = model.get_layer("probabilities")
    for variable in last.trainable_variables:
        variable.assign(variable / temperature)
