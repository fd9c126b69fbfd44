"""Learning rate, early stopping and the best epoch, as functions of what has been seen so far.

Nothing here keeps state: a training that was killed and goes on decides from its history as if it had never stopped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from src.fer2013 import SIDE
from src.params import EarlyStopping, Growth, Plateau, TrainParams


def learning_rate(params: TrainParams, epochs_done: float, val_accuracies: Sequence[float]) -> float:
    """Give the learning rate at a moment of the training.

    Args:
        params: The schedule and its numbers.
        epochs_done: Position in the training; 2.5 is the middle of the third epoch.
        val_accuracies: Val accuracy of each finished epoch.
    """
    if params.schedule == "plateau":
        return plateau(params.learning_rate, val_accuracies, params.plateau)
    return cosine(params.learning_rate, epochs_done, params.epochs, params.warmup_epochs)


def side(growth: Growth | None, epoch: int, epochs: int) -> int:
    """Give the side of the images, pixels, in an epoch (from 0) of `epochs`."""
    return growth.side if growth and epoch < round(growth.share * epochs, 9) else SIDE


def cosine(peak: float, epochs_done: float, epochs: int, warmup_epochs: float) -> float:
    """Rise linearly to `peak` over the warm-up, then fall to 0 along half a cosine (Loshchilov & Hutter 2016)."""
    if epochs_done < warmup_epochs:
        return peak * epochs_done / warmup_epochs
    progress = (epochs_done - warmup_epochs) / max(epochs - warmup_epochs, 1e-9)
    return peak * (1 + math.cos(math.pi * min(progress, 1))) / 2


def plateau(initial: float, val_accuracies: Sequence[float], params: Plateau) -> float:
    """Replay Keras's ReduceLROnPlateau (mode max, no cooldown) over the history."""
    rate, best, waited = initial, -math.inf, 0
    for accuracy in val_accuracies:
        if accuracy > best + params.min_delta:
            best, waited = accuracy, 0
            continue
        waited += 1
        if waited >= params.patience:
            rate, waited = min(rate, max(rate * params.factor, params.min_learning_rate)), 0
    return rate


def should_stop(params: EarlyStopping | None, val_accuracies: Sequence[float]) -> bool:
    """Replay Keras's EarlyStopping (mode max) over the history: true once patience has run out."""
    if params is None:
        return False
    best, waited = -math.inf, 0
    for accuracy in val_accuracies:
        if accuracy - params.min_delta > best:
            best, waited = accuracy, 0
            continue
        waited += 1
        if waited >= params.patience:
            return True
    return False


def best_epoch(val_accuracies: Sequence[float]) -> int:
    """Give the first epoch (from 0) with the highest val accuracy."""
    return max(range(len(val_accuracies)), key=lambda epoch: val_accuracies[epoch])
