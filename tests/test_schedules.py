import math

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.network.schedules import best_epoch, cosine, learning_rate, plateau, should_stop, side
from src.params import EarlyStopping, Growth, Plateau, TrainParams

# Keras compares in float32: hundredths and margins between them leave no ties to rounding.
accuracies = st.lists(st.integers(0, 12).map(lambda hundredths: hundredths / 100), min_size=1, max_size=30)
patiences = st.integers(1, 4)
margins = st.sampled_from([0.0, 0.005, 0.025])


@pytest.fixture(scope="module")
def tiny() -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    ("epochs_done", "rate"),
    [(0, 0), (1, 0.5), (2, 1), (4, (1 + math.sqrt(0.5)) / 2), (6, 0.5), (10, 0), (10.5, 0)],
)
def test_cosine_rises_over_two_epochs_and_falls_over_eight(epochs_done: float, rate: float) -> None:
    assert cosine(1.0, epochs_done, epochs=10, warmup_epochs=2) == pytest.approx(rate)


def test_cosine_without_warm_up_starts_at_the_peak() -> None:
    assert cosine(0.002, 0, epochs=10, warmup_epochs=0) == 0.002


def test_cosine_that_is_all_warm_up_ends_at_the_peak() -> None:
    assert [cosine(1.0, done, epochs=4, warmup_epochs=4) for done in (1, 2, 4)] == [0.25, 0.5, 1]


def test_the_schedule_decides_which_rate_is_used(train_params: TrainParams) -> None:
    halving = Plateau(patience=1, min_delta=0.0, factor=0.5, min_learning_rate=0.1)
    change = {"learning_rate": 1.0, "epochs": 10, "warmup_epochs": 0.0, "plateau": halving}
    params = train_params.model_copy(update=change)
    assert learning_rate(params.model_copy(update={"schedule": "plateau"}), 5, [0.6, 0.5]) == 0.5
    assert learning_rate(params.model_copy(update={"schedule": "cosine"}), 2.5, [0.6, 0.5]) == pytest.approx(
        (1 + math.sqrt(0.5)) / 2
    )


def test_plateau_waits_then_halves_then_waits_again_down_to_the_floor() -> None:
    params = Plateau(patience=2, min_delta=0.01, factor=0.5, min_learning_rate=0.3)
    seen = [0.5, 0.505, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    rates = [plateau(1.0, seen[:count], params) for count in range(len(seen) + 1)]
    assert rates == [1, 1, 1, 1, 1, 0.5, 0.5, 0.3, 0.3]


@settings(deadline=None, max_examples=60)
@given(accuracies, patiences, margins, st.sampled_from([0.5, 0.1]), st.sampled_from([1e-7, 1e-3, 0.02]))
def test_plateau_is_the_one_of_keras(
    tiny: keras.Model, seen: list[float], patience: int, min_delta: float, factor: float, floor: float
) -> None:
    keeper = keras.callbacks.ReduceLROnPlateau(
        "val_accuracy", factor, patience, mode="max", min_delta=min_delta, min_lr=floor
    )
    keeper.set_model(tiny)
    tiny.optimizer.learning_rate = 0.01
    keeper.on_train_begin()
    params = Plateau(patience=patience, min_delta=min_delta, factor=factor, min_learning_rate=floor)
    for epoch, accuracy in enumerate(seen):
        keeper.on_epoch_end(epoch, {"val_accuracy": accuracy})
        assert plateau(0.01, seen[: epoch + 1], params) == pytest.approx(
            float(tiny.optimizer.learning_rate.numpy()), rel=1e-5
        )


@settings(deadline=None, max_examples=60)
@given(accuracies, patiences, margins)
def test_early_stopping_is_the_one_of_keras(
    tiny: keras.Model, seen: list[float], patience: int, min_delta: float
) -> None:
    stopper = keras.callbacks.EarlyStopping("val_accuracy", min_delta, patience, mode="max")
    stopper.set_model(tiny)
    tiny.stop_training = False
    stopper.on_train_begin()
    params = EarlyStopping(patience=patience, min_delta=min_delta)
    for epoch, accuracy in enumerate(seen):
        stopper.on_epoch_end(epoch, {"val_accuracy": accuracy})
        assert should_stop(params, seen[: epoch + 1]) == tiny.stop_training


def test_training_stops_once_patience_has_run_out_and_not_before() -> None:
    params = EarlyStopping(patience=2, min_delta=0.01)
    seen = [0.5, 0.6, 0.605, 0.59, 0.9]  # 0.605 is too little; a late 0.9 comes after the stop
    assert [should_stop(params, seen[:count]) for count in range(6)] == [False, False, False, False, True, True]


def test_training_never_stops_early_without_early_stopping() -> None:
    assert not should_stop(None, [0.5] * 1000)


def test_the_best_epoch_is_the_first_of_the_highest() -> None:
    assert best_epoch([0.1, 0.7, 0.3, 0.7]) == 1
    assert best_epoch([0.4]) == 0


def test_so_many_epochs_see_small_images_as_their_share_says():
    for share, epochs, small in [(0.28, 25, 7), (0.56, 50, 28), (0.6, 20, 12), (0.5, 3, 2), (0.6, 1, 1)]:
        sides = [side(Growth(side=32, share=share), epoch, epochs) for epoch in range(epochs)]
        assert sides == [32] * small + [48] * (epochs - small)
    assert side(None, 0, 10) == 48
