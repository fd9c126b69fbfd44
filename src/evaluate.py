"""Score the shipped .tflite on the test split, once, with the Keras model beside it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from src import cli, paths
from src.faces import splits
from src.network.litert import Classifier
from src.report import metrics
from src.tracking import sending


def predictions_table(
    rows: np.ndarray, labels: np.ndarray, names: tuple[str, ...], **by_model: np.ndarray
) -> pd.DataFrame:
    """Give one line per image: row in the source, true and predicted emotion, every probability of each model."""
    table = pd.DataFrame({"row": rows, "true": np.array(names)[labels]})
    for model, probabilities in by_model.items():
        table[f"{model}_predicted"] = np.array(names)[probabilities.argmax(axis=1)]
        for index, name in enumerate(names):
            table[f"{model}_{name}"] = probabilities[:, index].round(6)
    return table


def main(argv: list[str] | None = None) -> None:
    cli.parser("evaluate", __doc__).parse_args(argv)
    summary = splits.load_summary()
    names = tuple(summary["emotions"])
    test = splits.load("test")
    shipped = json.loads(paths.existing(paths.MOBILE / "variants.json", "export").read_text())["shipped"]
    with cli.hushed():
        tflite = Classifier(paths.existing(paths.MOBILE / f"{shipped}.tflite", "export")).predict(test.images)
        import keras

        from src.network import fitting

        model = keras.saving.load_model(paths.existing(paths.MODELS / "model.keras", "train"), compile=False)
        float32 = fitting.predict(model, test.images)

    confusion = metrics.confusion_matrix(test.labels, tflite.argmax(axis=1), len(names))
    table = metrics.per_class(confusion, names)
    scores = metrics.summarise(test.labels, tflite)
    paths.write_json(
        paths.REPORTS / "metrics.json",
        {
            "protocol": summary["protocol"],
            "variant": shipped,
            "test": scores,
            "per_emotion": table.to_dict("index"),
            "keras": metrics.summarise(test.labels, float32),
            "agreement": float(np.mean(tflite.argmax(axis=1) == float32.argmax(axis=1))),
        },
    )
    report = metrics.classification_report(table, scores["accuracy"])
    with paths.replacing(paths.REPORTS / "classification_report.txt") as path:
        path.write_text(report)
    with paths.replacing(paths.REPORTS / "classification_report.csv") as path:
        table.to_csv(path)
    with paths.replacing(paths.REPORTS / "predictions.csv") as path:
        rows = splits.load_rows("test")
        predictions_table(rows, test.labels, names, tflite=tflite, keras=float32).to_csv(path, index=False)
    _draw(confusion, names, summary, shipped)
    print(report)
    sending.send("evaluate")


def _draw(confusion: np.ndarray, names: tuple[str, ...], summary: dict, shipped: str) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from src.report import plots

    history = pd.read_csv(paths.existing(paths.MODELS / "history.csv", "train"))
    faces = f"{'drawn faces' if summary['source']['kind'] == 'drawn' else 'FER2013'}, {summary['protocol']}"
    figures = {
        "confusion_matrix": plots.confusion_heatmap(confusion, names, f"{shipped} .tflite on test ({faces})"),
        "training_curves": plots.training_curves(history, f"Accuracy and loss by epoch ({faces})"),
    }
    for name, figure in figures.items():
        with paths.replacing(paths.REPORTS / "figures" / f"{name}.png") as path:
            figure.savefig(path, dpi=120)


if __name__ == "__main__":
    cli.run(main)
