"""Networks that were never trained, and yet answer."""

from typing import TYPE_CHECKING

import numpy as np

from src import cli
from src.params import ModelParams

if TYPE_CHECKING:
    import keras


def random_network(params: ModelParams, classes: int, images: np.ndarray, spread: float = 1.0) -> "keras.Model":
    """Give a network with random weights whose answers differ from image to image, each emotion among them.

    Args:
        params: The network.
        classes: Number of emotions.
        images: uint8 (n, 48, 48, 1).
        spread: Standard deviation of the logits over these images.
    """
    with cli.hushed():
        import keras

        from src.network import architectures

        keras.utils.set_random_seed(0)
        network = architectures.build(params, classes)
        network(images.astype("float32"), training=True)  # so that batch normalisation has means and variances
        features = keras.Model(network.input, network.layers[-2].output).predict(images, verbose=0)
    kernel = np.random.default_rng(0).normal(size=(features.shape[1], classes)).astype("float32")
    kernel *= spread / (features @ kernel).std()
    network.layers[-1].set_weights([kernel, -(features @ kernel).mean(axis=0)])  # every emotion gets its turn
    return network
