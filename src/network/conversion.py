"""From a float32 Keras model to the .tflite variants; needs the TensorFlow backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import numpy as np

from src.fer2013 import SIDE

if TYPE_CHECKING:
    import tensorflow as tf


def convert(model: keras.Model, representative: np.ndarray) -> dict[str, bytes]:
    """Convert to .tflite, three ways: uint8 (1, 48, 48, 1) in, float32 probabilities (1, n) out.

    Args:
        model: float32 model as `architectures.build` makes it; `mixed_bfloat16` models do not convert.
        representative: uint8 images (n, 48, 48, 1) from train, from which int8 takes the range of each activation.

    Returns:
        Variant -> content of the file: `float32`; `float16` stores the weights so; `int8` computes in integers.

    Raises:
        ValueError: The Keras backend is not tensorflow.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"found the Keras backend {keras.backend.backend()!r}, expected tensorflow, which alone makes .tflite; "
            "run `KERAS_BACKEND=tensorflow dvc repro`"
        )
    import tensorflow as tf

    def float16(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    def int8(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([face] for face in _spanning(representative))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8

    # int8 quantises its own input; a cast before it would stay a float operation.
    return {
        **to_tflite(model, "uint8", float32=None, float16=float16),
        **to_tflite(model, "float32", int8=int8),
    }


def to_tflite(
    model: keras.Model, input_dtype: str, **variants: Callable[[tf.lite.TFLiteConverter], None] | None
) -> dict[str, bytes]:
    """Convert to .tflite, one face (1, 48, 48, 1) of this dtype in, each variant by a converter that its function set.

    Args:
        model: As for `convert`.
        input_dtype: uint8 or float32.
        **variants: Variant -> function; None leaves the converter as it is.

    Returns:
        Variant -> content of the file.
    """
    import tensorflow as tf

    # Not of any batch size: LiteRT.js takes no such model.
    @tf.function(input_signature=[tf.TensorSpec((1, SIDE, SIDE, 1), input_dtype, "image")])
    def answer(image: tf.Tensor) -> tf.Tensor:
        return model(tf.cast(image, tf.float32))

    module = tf.Module()  # in place of the model: the converter saves it, and of Keras's it would save far more
    module.answer, module.weights = answer, [variable.value for variable in model.variables]
    found = {}
    for variant, configure in variants.items():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([answer.get_concrete_function()], module)
        if configure:
            configure(converter)
        found[variant] = converter.convert()
    return found


def _spanning(images: np.ndarray) -> np.ndarray:
    """Give float32 faces (n, 1, 48, 48, 1) that reach both 0 and 255, so that the input's scale is exactly 1."""
    faces = images[:, None].astype("float32")
    faces[0].flat[:2] = 0, 255
    return faces
