import keras
import numpy as np
import pytest

from src.network.normalization import BatchNormalization

IMAGES = np.random.default_rng(3).normal(2, 3, (5, 4, 4, 6)).astype("float32")


def trained(kind: type[keras.layers.BatchNormalization], images: np.ndarray, dtype: str = "float32") -> list[np.ndarray]:
    """Give what one step of training leaves: variables, moving statistics among them, and the gradient of the input."""
    before = keras.layers.Dense(images.shape[-1], kernel_initializer="identity", dtype=dtype)
    after = keras.layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(seed=1), dtype=dtype)
    network = keras.Sequential([before, kind(momentum=0.9, dtype=dtype), keras.layers.ReLU(dtype=dtype), after])
    network.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    network.train_on_batch(images, np.arange(images[..., :1].size, dtype="float32").reshape(images[..., :1].shape) / 40)
    return [np.array(variable.numpy()) for variable in network.trainable_variables + network.non_trainable_variables]


@pytest.mark.parametrize("images", [IMAGES, IMAGES[:, 0, 0]], ids=["images", "vectors"])
def test_a_step_by_the_fused_kernel_leaves_what_keras_leaves(images: np.ndarray):
    for ours, of_keras in zip(trained(BatchNormalization, images), trained(keras.layers.BatchNormalization, images)):
        np.testing.assert_allclose(ours, of_keras, rtol=1e-4, atol=1e-5)


def test_bfloat16_features_are_normalised_in_float32():
    for ours, of_keras in zip(
        trained(BatchNormalization, IMAGES, "mixed_bfloat16"),
        trained(keras.layers.BatchNormalization, IMAGES, "mixed_bfloat16"),
    ):
        np.testing.assert_allclose(ours, of_keras, rtol=0.02, atol=0.02)


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
