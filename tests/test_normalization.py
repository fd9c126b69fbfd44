import keras
import numpy as np
import pytest

from src.network.normalization import BatchNormalization

IMAGES = np.random.default_rng(3).normal(2, 3, (5, 4, 4, 6)).astype("float32")


def after_a_step(kind: type[keras.layers.BatchNormalization], images: np.ndarray, dtype: str) -> list[np.ndarray]:
    """Give the variables after one step, moving statistics too; those before the layer tell its input's gradient."""
    before = keras.layers.Dense(images.shape[-1], kernel_initializer="identity", dtype=dtype)
    after = keras.layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(seed=1), dtype=dtype)
    network = keras.Sequential([before, kind(momentum=0.9, dtype=dtype), keras.layers.ReLU(dtype=dtype), after])
    network.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    network.train_on_batch(images, np.linspace(0, 2, images[..., 0].size).reshape(images[..., :1].shape))
    return [np.array(variable.numpy()) for variable in network.trainable_variables + network.non_trainable_variables]


@pytest.mark.parametrize("images", [IMAGES, IMAGES[:, 0, 0]], ids=["images", "vectors"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("mixed_bfloat16", 0.01)])
def test_a_step_leaves_what_it_leaves_by_keras(images: np.ndarray, dtype: str, tolerance: float):
    ours, by_keras = (
        after_a_step(kind, images, dtype) for kind in (BatchNormalization, keras.layers.BatchNormalization)
    )
    for one, other in zip(ours, by_keras, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def test_what_was_not_in_the_batch_is_normalised_by_what_was_seen():
    layer = BatchNormalization()
    layer.build(IMAGES.shape)
    layer.moving_mean.assign(np.full(6, 2.0))
    layer.moving_variance.assign(np.full(6, 9.0 - layer.epsilon))
    np.testing.assert_allclose(layer(IMAGES, training=False), (IMAGES - 2) / 3, rtol=1e-5, atol=1e-6)


def test_a_frozen_layer_keeps_its_statistics():
    layer = BatchNormalization(trainable=False)
    layer(IMAGES, training=True)
    assert layer.moving_mean.numpy().tolist() == [0] * 6
