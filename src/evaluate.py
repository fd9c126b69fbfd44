"""Score the shipped .tflite on the test split, once, with the Keras model and the classical baseline beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from src import cli, paths
from src.faces import splits
from src.fer2013 import Split
from src.network.litert import Classifier
from src.report import metrics, reliability, robustness
from src.tracking import outputs, sending
from src.tracking.description import Description


def predict(test: Split, tflite: Path) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Ask both models.

    Args:
        test: Images and labels.
        tflite: The shipped file.

    Returns:
        Probabilities float32 (n, classes) of the .tflite and of the Keras model, and how the .tflite does on disturbed
        faces, as `robustness.measure` gives it.
    """
    with cli.hushed():
        classifier = Classifier(tflite)
        import keras

        model = keras.saving.load_model(paths.existing(paths.MODELS / "model.keras", "train"), compile=False)
        float32 = model.predict(test.images.astype("float32"), batch_size=256, verbose=0)
        disturbed = robustness.measure(
            lambda images: {robustness.NETWORK: classifier.predict(images).argmax(axis=1)}, test.images, test.labels
        )
    return classifier.predict(test.images), float32, disturbed


def score(labels: np.ndarray, names: tuple[str, ...], tflite: np.ndarray, float32: np.ndarray) -> dict[str, Any]:
    """Give the numbers that follow from the probabilities (n, classes) of both models on the undisturbed faces."""
    confusion = metrics.confusion_matrix(labels, tflite.argmax(axis=1), len(names))
    error = reliability.expected_error(reliability.by_confidence(labels, tflite))
    return {
        "test": metrics.summarise(labels, tflite) | {"calibration_error": error},
        "per_emotion": metrics.per_class(confusion, names).to_dict("index"),
        "keras": metrics.summarise(labels, float32),
        "agreement": float(np.mean(tflite.argmax(axis=1) == float32.argmax(axis=1))),
    }


def on_harder_faces(disturbed: pd.DataFrame, baseline: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Give the numbers that follow from the disturbed faces, of the network and of each model of the baseline."""
    return {
        "robustness": robustness.summarise(disturbed, robustness.NETWORK),
        "baseline": {name: found | robustness.summarise(disturbed, name) for name, found in baseline.items()},
    }


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


def write_tables(tables: dict[str, pd.DataFrame]) -> None:
    """Write each table to reports/<name>.csv."""
    for name, table in tables.items():
        with paths.replacing(paths.REPORTS / f"{name}.csv") as path:
            table.to_csv(path, index=table.index.name is not None)


def origin(run: Description, run_id: str, shipped: dict[str, float], data_digest: str) -> dict[str, str]:
    """Say, for the page, what the model is and where it came from.

    Args:
        run: What `train` wrote down.
        run_id: The run's id, in the store that `train` knew.
        shipped: The numbers of the shipped variant in variants.json.
        data_digest: Of all splits.
    """
    commit = run.lineage.get("mlflow.source.git.commit", "not known")
    dirty = ", with changes that were not committed" if run.lineage.get("git.dirty") == "true" else ""
    return {
        "run": f"{run.name} ({run_id})",
        "commit": f"{commit}{dirty}",
        "data": f"{run.source}, digest {data_digest[:12]}: see data/index.html beside this page",
        "architecture": f"{run.tags['architecture']}, width {run.params['model.width']:g}",
        "val accuracy": f"{shipped['val_accuracy']:.1%}",
        "size": f"{shipped['bytes']:,} bytes",
        "time per face": f"{shipped['latency_ms']:.2f} ms on one thread of the machine that exported it",
    }


def write_report(
    scores: dict[str, Any],
    test: Split,
    tflite: np.ndarray,
    disturbed: pd.DataFrame,
    faces: str,
    facts: dict[str, str],
) -> None:
    """Draw the figures, and write the page that holds them all."""
    from src.report import model_report, page

    history = pd.read_csv(paths.existing(paths.MODELS / "history.csv", "train"))
    answers = model_report.Answers(test.images, test.labels, tflite, tuple(scores["per_emotion"]))
    found = model_report.Findings(answers, scores, history, disturbed, faces, facts)
    page.write(paths.REPORTS, lambda: model_report.figures(found), lambda pictures: model_report.tell(found, pictures))


def main(argv: list[str] | None = None) -> None:
    cli.parser("evaluate", __doc__).parse_args(argv)
    outputs.demand_current()
    summary, test, rows = splits.load_summary(), splits.load("test"), splits.load_rows("test")
    names = tuple(summary["emotions"])
    exported = outputs.read_exported()
    shipped, model = exported["shipped"], outputs.shipped_file(exported)
    baseline = outputs.read_baseline()
    run_id, run = outputs.read_run()
    tflite, float32, disturbed = predict(test, model)
    disturbed = pd.concat([disturbed, pd.read_csv(paths.BASELINE / "robustness.csv")], ignore_index=True)

    about = {
        "run": {"id": run_id, "name": run.name},
        "protocol": summary["protocol"],
        "variant": shipped,
        "sha256": outputs.sha256(model),
        "val": {"accuracy": exported["variants"][shipped]["val_accuracy"]},
    }
    scores = about | score(test.labels, names, tflite, float32) | on_harder_faces(disturbed, baseline)
    per_emotion = pd.DataFrame.from_dict(scores["per_emotion"], "index").rename_axis("emotion")
    report = metrics.classification_report(per_emotion, scores["test"]["accuracy"])
    if summary["protocol"] == "pooled":
        report += "optimistic: these images chose the weights too (pooled)\n"
    with paths.replacing(paths.REPORTS / "classification_report.txt") as path:
        path.write_text(report, encoding="utf-8")
    write_tables(
        {
            "classification_report": per_emotion,
            "predictions": predictions_table(rows, test.labels, names, tflite=tflite, keras=float32),
            "calibration": reliability.by_confidence(test.labels, tflite),
            "coverage": reliability.coverage(test.labels, tflite),
            "robustness": disturbed,
        }
    )
    faces = f"{'drawn faces' if summary['source']['kind'] == 'drawn' else 'FER2013'}, {summary['protocol']}"
    facts = origin(run, run_id, exported["variants"][shipped], summary["digest"])
    write_report(scores, test, tflite, disturbed, faces, facts)
    paths.write_json(paths.REPORTS / "metrics.json", scores)  # last: it says whose all of this is
    print(report)
    sending.send("evaluate")


if __name__ == "__main__":
    cli.run(main)
