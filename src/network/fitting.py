"""Fit a network: one way to train, for the stage, the search and the tests, on any Keras backend.

The loop calls `train_on_batch` itself. Order, augmentation and learning rate are functions of (seed, epoch, index) and
of the history, so that `State` is all that a later process needs to go on bit for bit; and no input pipeline stalls.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import keras
import numpy as np
from keras.optimizers import SGD, Adam, Nadam

from src.fer2013 import SIDE, Split
from src.network import augmentation, calibration, precision, schedules
from src.network.architectures import build
from src.network.checkpoints import State, Weights
from src.network.distillation import Teacher
from src.network.muon import Muon
from src.network.normalization import BatchNormalization
from src.params import ModelParams, TrainParams

VAL_BATCH = 256


class Fit(NamedTuple):
    """A finished training.

    Attributes:
        model: float32 model with the weights of the best epoch, calibrated on val.
        history: As in `State`.
        best_epoch: The epoch (from 0) whose weights these are.
        temperature: What the logits were divided by to calibrate them.
    """

    model: keras.Model
    history: list[dict[str, float]]
    best_epoch: int
    temperature: float


class Means:
    """Means over images; `train_on_batch` and `test_on_batch` tell those of their own batch alone."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.images = 0

    def add(self, metrics: dict[str, float], images: int) -> None:
        for name, value in metrics.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value) * images
        self.images += images

    def mean(self, name: str) -> float:
        return self.sums[name] / self.images


Batch = tuple[np.ndarray, np.ndarray]
EpochHook = Callable[[State], bool]
BatchHook = Callable[[int], None]


def fit(
    model_params: ModelParams,
    params: TrainParams,
    train: Split,
    val: Split,
    classes: int,
    teacher: Teacher | None = None,
    on_epoch_end: EpochHook = lambda state: False,
    on_batch_end: BatchHook = lambda images: None,
    resume: State | None = None,
) -> Fit:
    """Train one model; touch no file and know no tracker.

    Args:
        model_params: The network.
        params: Hyper-parameters; `params.seed` fixes the weights, the batch order and the augmentation.
        train: Images (n, 48, 48, 1) uint8 and labels (n,) that the weights are fitted to.
        val: Images and labels scored after each epoch. Never the test split.
        classes: Number of emotions.
        teacher: Gives the share `params.distillation` of each target, and the weights to begin with if
            `params.pretrained` says so.
        on_epoch_end: Given the state after each epoch; a true answer stops training.
        on_batch_end: Told the number of images of each step.
        resume: The state after some epoch of the same training; goes on from there as if it had never stopped.

    Raises:
        FloatingPointError: The loss is no longer finite.
    """
    keras.utils.set_random_seed(params.seed)
    with precision.policy(params.precision):
        model = _compiled(model_params, params, classes)
    if resume is None:
        if teacher and params.pretrained:
            model.set_weights(teacher.weights)
        state = State(average=_values(_variables(model)) if params.average_decay is not None else [])
    else:
        state = replace(resume, history=list(resume.history), average=list(resume.average))
        _assign(_variables(model), resume.variables)
        _assign(model.optimizer.variables, resume.optimizer)

    accuracies = [metrics["val_accuracy"] for metrics in state.history]
    steps = max(1, len(train.labels) // params.batch_size)
    side = None
    while len(accuracies) < params.epochs and not schedules.should_stop(params.early_stopping, accuracies):
        if side != (side := schedules.side(params.growth, len(accuracies), params.epochs)):
            # Traced anew: one graph for several sides would round otherwise than that of a process that resumes.
            model.make_train_function(force=True)
        given = batches(params, train, classes, len(accuracies))
        given = taught(given, teacher, params.distillation, len(accuracies) * steps)
        metrics = _train_epoch(model, params, steps, ahead(given), accuracies, state.average, on_batch_end)
        state.variables, state.optimizer = _values(_variables(model)), _values(model.optimizer.variables)
        scored = state.average or state.variables
        _assign(_variables(model), scored)
        metrics |= _score(model, val, classes)
        _assign(_variables(model), state.variables)
        _check_finite(metrics["val_loss"], "val loss", f"epoch {len(accuracies) + 1}", params)
        accuracies.append(metrics["val_accuracy"])
        state.history.append(metrics)
        if schedules.best_epoch(accuracies) == len(accuracies) - 1:
            state.best = list(scored)
        if on_epoch_end(state):
            break

    with precision.policy("float32"):
        model = build(model_params, classes)
    _assign(_variables(model), state.best)
    temperature = calibration.fit_temperature(predict(model, val.images), val.labels)
    calibration.divide_logits(model, temperature)
    return Fit(model, state.history, schedules.best_epoch(accuracies), temperature)


def _compiled(model_params: ModelParams, params: TrainParams, classes: int) -> keras.Model:
    model = build(model_params, classes, None if params.growth else SIDE, BatchNormalization)
    optimizer = _optimizer(params)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    optimizer.build(model.trainable_variables)
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(),
        # By its name Keras would make it within the first trace, and TensorFlow would trace the step once more.
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        # XLA makes TensorFlow several times slower on a CPU; jax is nothing without it.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    return model


def _optimizer(params: TrainParams) -> keras.optimizers.Optimizer:
    momentum = {"momentum": 0.9, "nesterov": True} if params.optimizer == "sgd" else {}
    optimizers = {"muon": Muon, "adam": Adam, "nadam": Nadam, "sgd": SGD}
    return optimizers[params.optimizer](params.learning_rate, weight_decay=params.weight_decay, **momentum)


def _train_epoch(
    model: keras.Model,
    params: TrainParams,
    steps: int,
    given: Iterable[Batch],
    accuracies: list[float],
    average: Weights,
    on_batch_end: BatchHook,
) -> dict[str, float]:
    epoch = len(accuracies)
    seen = Means()
    for step, (images, targets) in enumerate(given):
        rate = schedules.learning_rate(params, epoch + (step + 0.5) / steps, accuracies)
        model.optimizer.learning_rate = rate
        seen.add(model.train_on_batch(images, targets, return_dict=True), len(images))
        _check_finite(seen.mean("loss"), "loss", f"epoch {epoch + 1}, step {step + 1}", params)
        if average:
            _update_average(average, model, params.average_decay or 0, epoch * steps + step)
        on_batch_end(len(images))
    return {"loss": seen.mean("loss"), "accuracy": seen.mean("accuracy"), "learning_rate": rate}


def _check_finite(loss: float, name: str, where: str, params: TrainParams) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"{name} became {loss} in {where}, expected a finite number; "
            f"lower this network's learning_rate (it is {params.learning_rate:g})"
        )


def taught(given: Iterable[Batch], teacher: Teacher | None, share: float, first: int = 0) -> Iterator[Batch]:
    """Give the batches, whose steps are counted from `first`, with targets of which a teacher has said its share.

    It is shown what the network is shown, augmented and blended (Beyer et al. 2021, "A good teacher is patient and
    consistent").
    """
    for step, (images, targets) in enumerate(given, first):
        yield images, share * teacher.answer(images, step) + (1 - share) * targets if teacher and share else targets


def ahead(given: Iterable[Batch], count: int = 2) -> Iterator[Batch]:
    """Prepare the next `count` batches in a thread, teacher and all, while the network learns from the present one."""
    with ThreadPoolExecutor(1) as thread:
        coming = iter(given)
        prepared = deque(thread.submit(next, coming, None) for _ in range(count))
        while (batch := prepared.popleft().result()) is not None:
            prepared.append(thread.submit(next, coming, None))
            yield batch


def batches(params: TrainParams, train: Split, classes: int, epoch: int) -> Iterator[Batch]:
    """Give the batches of one epoch: a function of (seed, epoch) and the data, whoever asks and whenever.

    Yields:
        Images (batch, side, side, 1) float32, 0..255, and targets (batch, classes) float32: one-hot but for smoothing
        and mixup.
    """
    count = len(train.labels)
    size = min(params.batch_size, count)
    random = np.random.default_rng((params.seed, epoch))
    order = random.permutation(count)
    changes = (
        augmentation.draw(count, SIDE, params.augmentation, random)
        if params.augmentation
        else augmentation.still(count)
    )
    side = schedules.side(params.growth, epoch, params.epochs)
    smooth = np.float32(params.label_smoothing)
    target_of = (1 - smooth) * np.eye(classes, dtype="float32") + smooth / classes
    for start in range(0, count - size + 1, size):
        chosen = order[start : start + size]
        picked = augmentation.Changes(*(array[chosen] for array in changes))
        images = augmentation.apply(train.images[chosen], picked, side).astype("float32")
        if params.augmentation:
            images = augmentation.noisy(images, params.augmentation, random)
        yield mix(images, target_of[train.labels[chosen]], params.mixup, random)


def mix(
    images: np.ndarray, targets: np.ndarray, alpha: float | None, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Blend each image and its target with those of another image of the batch (mixup, Zhang et al. 2017).

    Args:
        images: float32 array (batch, side, side, 1).
        targets: float32 array (batch, classes).
        alpha: The share is drawn from Beta(alpha, alpha), one for the batch; None leaves everything as it is.
        random: Source of the share; the batch is blended with itself in reverse order.
    """
    if alpha is None:
        return images, targets
    share = np.float32(random.beta(alpha, alpha))
    return share * images + (1 - share) * images[::-1], share * targets + (1 - share) * targets[::-1]


def _score(model: keras.Model, val: Split, classes: int) -> dict[str, float]:
    one_hot = np.eye(classes, dtype="float32")
    seen = Means()
    for start in range(0, len(val.labels), VAL_BATCH):
        images, labels = (array[start : start + VAL_BATCH] for array in val)
        seen.add(model.test_on_batch(images.astype("float32"), one_hot[labels], return_dict=True), len(labels))
    right = round(seen.sums["accuracy"])  # a batch's share is a float32: as many right are to be the same number
    return {"val_loss": seen.mean("loss"), "val_accuracy": right / seen.images}


def _update_average(average: Weights, model: keras.Model, decay: float, step: int) -> None:
    """Move the average towards the weights; the first steps count more, as in TensorFlow's ExponentialMovingAverage."""
    rate = 1 - min(decay, (1 + step) / (10 + step))
    for index, value in enumerate(_values(_variables(model))):
        if np.issubdtype(value.dtype, np.floating):
            average[index] = average[index] + rate * (value - average[index])
        else:
            average[index] = value


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Weights, moving statistics and random seeds, without the metrics that `model.variables` gains by compiling."""
    return model.trainable_variables + model.non_trainable_variables


def _values(variables: list[keras.Variable]) -> Weights:
    return [np.array(variable.numpy()) for variable in variables]


def _assign(variables: list[keras.Variable], values: Weights) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Give probabilities (n, classes) float32 of images (n, 48, 48, 1) uint8."""
    parts = [images[start : start + VAL_BATCH].astype("float32") for start in range(0, len(images), VAL_BATCH)]
    return np.concatenate([keras.ops.convert_to_numpy(model.predict_on_batch(part)) for part in parts])
