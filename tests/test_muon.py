import keras
import numpy as np
import pytest
from keras import layers

from src.network.muon import Muon

RATE = 0.01


@pytest.fixture
def model() -> keras.Model:
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(8, 3, name="convolution")(inputs)
    x = layers.Dense(5, name="hidden")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(3, name="probabilities")(x))


def steps(model: keras.Model, scale: float = 1) -> dict[str, np.ndarray]:
    """Give how far one step against random gradients moves each variable."""
    variables = model.trainable_variables
    random = np.random.default_rng(2)
    gradients = [scale * random.standard_normal(variable.shape).astype("float32") for variable in variables]
    before = [np.array(variable.numpy()) for variable in variables]
    optimizer = Muon(RATE, weight_decay=0)
    optimizer.apply(gradients, variables)
    moved = [variable.numpy() - old for variable, old in zip(variables, before, strict=True)]
    return {variable.path: step for variable, step in zip(variables, moved, strict=True)}


def test_a_kernel_moves_equally_in_every_direction(model: keras.Model) -> None:
    moved = steps(model)
    for name, inputs, outputs in (("convolution", 18, 8), ("hidden", 128, 5)):
        values = np.linalg.svd(moved[f"{name}/kernel"].reshape(inputs, outputs), compute_uv=False)
        # Liu et al. 2025: as long as AdamW's step, which has a root mean square of about 0.2.
        length = RATE * 0.2 * np.sqrt(inputs)
        assert values == pytest.approx(np.full(outputs, length), rel=0.35)  # five iterations end in 0.7 .. 1.2


def test_biases_and_the_last_layer_move_as_under_adamw(model: keras.Model) -> None:
    moved = steps(model)
    for name in ("convolution/bias", "hidden/bias", "probabilities/kernel", "probabilities/bias"):
        assert np.abs(moved[name]) == pytest.approx(np.full(moved[name].shape, RATE), rel=1e-3)


def test_the_length_of_the_gradient_changes_nothing(model: keras.Model) -> None:
    kept = model.get_weights()
    one = steps(model)
    model.set_weights(kept)
    for name, step in steps(model, scale=1000).items():
        assert step == pytest.approx(one[name], rel=1e-2, abs=1e-6)


def test_weight_decay_shrinks_kernels_of_both_kinds_and_spares_what_is_excluded(model: keras.Model) -> None:
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    optimizer = Muon(RATE, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.apply(
        [np.zeros(variable.shape, "float32") for variable in model.trainable_variables], model.trainable_variables
    )
    for variable in model.trainable_variables:
        expected = 1 if variable.name == "bias" else 1 - 0.5 * RATE
        assert variable.numpy() == pytest.approx(np.full(variable.shape, expected), rel=1e-6)
