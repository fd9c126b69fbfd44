"""From a float32 Keras model to the .tflite variants; needs the TensorFlow backend."""

from __future__ import annotations

import tempfile

import keras
import numpy as np

from src.fer2013 import SIDE


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
        **_converted(model, "uint8", {"float32": lambda converter: None, "float16": float16}),
        **_converted(model, "float32", {"int8": int8}),
    }


def _converted(model: keras.Model, input_dtype: str, variants: dict) -> dict[str, bytes]:
    import tensorflow as tf

    image = keras.Input(batch_shape=(1, SIDE, SIDE, 1), dtype=input_dtype, name="image")
    fixed = keras.Model(image, model(keras.layers.Lambda(lambda x: keras.ops.cast(x, "float32"))(image)))
    converted = {}
    with tempfile.TemporaryDirectory() as folder:
        # Without it the batch size becomes free, which LiteRT.js does not take.
        signature = [keras.InputSpec(shape=(1, SIDE, SIDE, 1), dtype=input_dtype, name="image")]
        fixed.export(folder, verbose=False, input_signature=signature)
        for variant, configure in variants.items():
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            configure(converter)
            converted[variant] = converter.convert()
    return converted


def _spanning(images: np.ndarray) -> np.ndarray:
    """Give float32 faces (n, 1, 48, 48, 1) that reach both 0 and 255, so that the input's scale is exactly 1."""
    faces = images[:, None].astype("float32")
    faces[0].flat[:2] = 0, 255
    return faces
