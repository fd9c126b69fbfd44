"""The networks: raw grey levels in, one probability per emotion out."""

from __future__ import annotations

import keras
from keras import layers

from src.fer2013 import SIDE
from src.params import ModelParams

Normalization = type[layers.BatchNormalization]


def build(
    params: ModelParams,
    classes: int,
    side: int | None = SIDE,
    normalization: Normalization = layers.BatchNormalization,
) -> keras.Model:
    """Give an untrained network under the current dtype policy of Keras.

    Args:
        params: Architecture, width and dropout.
        classes: Number of emotions.
        side: Side of the images, pixels; None takes any, which dcnn doesn't.
        normalization: The batch normalisation; with the faster one of `normalization` the model is only for training.

    Returns:
        A model from images (n, 48, 48, 1), any dtype, 0..255, to float32 probabilities (n, classes).
        Scaling is inside, so that training, evaluation and the phone cannot differ.

    Raises:
        ValueError: dcnn is asked for without a side.
    """
    if side is None and params.architecture == "dcnn":
        raise ValueError("dcnn has dense layers that know the side of its images, expected train.growth: null")
    inputs = keras.Input((side, side, 1), name="image")
    features = (_dcnn if params.architecture == "dcnn" else _resnet)(inputs, params, normalization)
    # float32 whatever the policy: bfloat16 has 8 bits, too few for a probability.
    outputs = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(features)
    return keras.Model(inputs, outputs, name=params.architecture)


def _channels(base: int, params: ModelParams) -> int:
    return max(8, round(base * params.width / 8) * 8)


def _dcnn(inputs: keras.KerasTensor, params: ModelParams, normalization: Normalization) -> keras.KerasTensor:
    """The seed's network, to the layer: 2,395,075 parameters for three emotions at width 1."""

    def convolution(x: keras.KerasTensor, filters: int, kernel: int) -> keras.KerasTensor:
        x = layers.Conv2D(filters, kernel, padding="same", activation="elu", kernel_initializer="he_normal")(x)
        return normalization()(x)

    x = layers.Rescaling(1 / 255)(inputs)
    # The seed's dropout: 0.4, 0.4 and 0.5 after the blocks, 0.6 at the head.
    for filters, kernel, ratio in ((64, 5, 4 / 6), (128, 3, 4 / 6), (256, 3, 5 / 6)):
        for _ in range(2):
            x = convolution(x, _channels(filters, params), kernel)
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(params.dropout * ratio)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(_channels(128, params), activation="elu", kernel_initializer="he_normal")(x)
    x = normalization()(x)
    return layers.Dropout(params.dropout)(x)


# Channels of the first convolution, and of the two, two and one block at 24, 12 and 6 pixels.
RESNETS = {"resnet": (16, (32, 64, 112)), "resnet_flat": (24, (64, 64, 64))}


def _resnet(inputs: keras.KerasTensor, params: ModelParams, normalization: Normalization) -> keras.KerasTensor:
    """A small residual network (He et al. 2015)."""

    def convolution(x: keras.KerasTensor, filters: int, kernel: int = 3, stride: int = 1) -> keras.KerasTensor:
        x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        return normalization(momentum=0.9)(x)

    def block(x: keras.KerasTensor, filters: int, stride: int) -> keras.KerasTensor:
        shortcut = x if stride == 1 else convolution(layers.AveragePooling2D(2)(x), filters, kernel=1)
        x = layers.ReLU()(convolution(x, filters, stride=stride))
        return layers.ReLU()(layers.Add()([convolution(x, filters), shortcut]))

    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    first, stages = RESNETS[params.architecture]
    x = layers.ReLU()(convolution(x, _channels(first, params)))
    for filters, blocks in zip(stages, (2, 2, 1), strict=True):
        for number in range(blocks):
            x = block(x, _channels(filters, params), stride=2 if number == 0 else 1)
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dropout(params.dropout)(x)
