"""Convert the model to .tflite, measure each variant on val, and choose the one that ships."""

from __future__ import annotations

import numpy as np
import pandas as pd

from src import cli, paths
from src.config import flat, read_params
from src.faces import splits
from src.fer2013 import Split
from src.network.litert import Classifier
from src.params import ExportParams
from src.tracking import lineage, outputs, sending

REPRESENTATIVE = 300
LATENCY_CALLS = 500


def measure(variants: dict[str, bytes], keras_probabilities: np.ndarray, val: Split) -> pd.DataFrame:
    """Score each variant on the whole val split and time it on one thread.

    Args:
        variants: Name -> content of the .tflite file.
        keras_probabilities: What the Keras model says of the val images, float32 (n, classes).
        val: The val split.

    Returns:
        One row per variant: val_accuracy, its drop against Keras, agreement (share of images with Keras's emotion),
        largest difference of a probability, bytes, latency_ms (median, one thread).
    """
    expected = keras_probabilities.argmax(axis=1)
    rows = []
    for name, content in variants.items():
        classifier = Classifier(content)
        probabilities = classifier.predict(val.images)
        predicted = probabilities.argmax(axis=1)
        rows.append(
            {
                "variant": name,
                "val_accuracy": np.mean(predicted == val.labels),
                "drop": np.mean(expected == val.labels) - np.mean(predicted == val.labels),
                "agreement": np.mean(predicted == expected),
                "largest_difference": np.abs(probabilities - keras_probabilities).max(),
                "bytes": len(content),
                "latency_ms": classifier.latency_ms(val.images[0], LATENCY_CALLS),
            }
        )
    return pd.DataFrame(rows).set_index("variant")


def choose(measured: pd.DataFrame, max_drop: float) -> str:
    """Name the smallest variant that loses at most `max_drop` of val accuracy against Keras."""
    good = measured[measured["drop"] <= max_drop + 1e-12]
    if good.empty:
        raise ValueError(
            f"every variant loses more than {max_drop:.1%} of val accuracy against Keras (float32 "
            f"{measured['drop']['float32']:.1%}), expected one that does not; raise export.max_drop, or train longer"
        )
    return str(good["bytes"].idxmin())


def main(argv: list[str] | None = None) -> None:
    cli.parser("export", __doc__).parse_args(argv)
    params = read_params(ExportParams)
    outputs.demand_current()
    train, val = splits.load("train"), splits.load("val")
    spread = np.linspace(0, len(train.images) - 1, REPRESENTATIVE).astype(int)  # a folder's come emotion by emotion
    model_path = paths.existing(paths.MODELS / "model.keras", "train")
    with cli.hushed():
        import keras

        from src.network import conversion

        model = keras.saving.load_model(model_path, compile=False)
        variants = conversion.convert(model, train.images[spread])
        expected = model.predict(val.images.astype("float32"), batch_size=256, verbose=0)
        measured = measure(variants, expected, val)
    shipped = choose(measured, params.max_drop)
    for name, content in variants.items():
        with paths.replacing(paths.MOBILE / f"{name}.tflite") as path:
            path.write_bytes(content)
    found = {
        "model": outputs.sha256(model_path),
        "params": flat("export", params),
        "code": lineage.code()._asdict(),
        "shipped": shipped,
        "variants": measured.to_dict("index"),
    }
    paths.write_json(paths.MOBILE / "variants.json", found)
    print(measured.round(4).to_string())
    print(f"{shipped} ships: the smallest that loses at most {params.max_drop:.1%} of val accuracy against Keras")
    sending.send("export")


if __name__ == "__main__":
    cli.run(main)
