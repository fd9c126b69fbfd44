"""From the workspace's files to the MLflow run: what each stage leaves there for people to compare."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pandas as pd

from src import paths
from src.faces import splits
from src.tracking import lineage, outputs, runs
from src.tracking.description import listed

POOLED = "**Optimistic: `pooled`, as in the seed, tests on the images that chose the weights.** "


def send(stage: str) -> None:
    """Send what the stages up to this one made; a store that can't be reached is left to `register`."""
    try:
        send_all(up_to=stage)
    except ConnectionError as error:
        print(f"warning: {error}. The stage `register` will send what is missing", file=sys.stderr)


def send_all(up_to: str = "evaluate") -> str:
    """Send what the stages up to `up_to` made, and give the run's id in this store.

    Raises:
        ConnectionError: The store can't be reached.
    """
    run_id, description = outputs.read_run()
    history = outputs.read_history(paths.MODELS)
    accuracies = [epoch["val_accuracy"] for epoch in history]
    metrics = {"val/best_accuracy": max(accuracies), "val/best_epoch": accuracies.index(max(accuracies)) + 1.0}
    metrics |= mobile_metrics(outputs.read_exported())
    files = {"mobile": [paths.MOBILE / "variants.json"]}
    tags = lineage.data_tags()
    sections = ["teacher", "export"]  # of params.yaml, that the results depend on besides those of the run's own
    if up_to == "evaluate":
        metrics |= test_metrics(outputs.read_scored())
        metrics |= robustness_metrics(pd.read_csv(paths.existing(paths.REPORTS / "robustness.csv", "evaluate")))
        files["reports"] = [paths.REPORTS]
        tags["mlflow.note.content"] = _note(metrics, description.tags["protocol"])
        sections.append("baseline")
    members = [paths.teacher(number) for number, _ in enumerate(outputs.teacher_runs(description))]
    if members:
        tags["teacher"] = ", ".join(
            runs.send(*outputs.read_run(member), outputs.read_history(member), {}, {}, {}, {}) for member in members
        )
    tags["source_md5"] = splits.load_summary()["source"].get("md5") or "none"
    with tempfile.TemporaryDirectory() as folder:
        files["lineage"] = lineage.files(description.params, Path(folder))
        sent = runs.send(run_id, description, history, metrics, lineage.settings(sections), tags, files)
    runs.point_out(sent)
    return sent


def gather_evidence(folder: Path) -> None:
    """Copy what shows how the model that is here was made and judged, laid out as in the run, into a new folder.

    Later stages may give the run another export or evaluation; what a version was registered with stays with it.
    """
    _, description = outputs.read_run()
    shutil.copytree(paths.REPORTS, folder / "reports")
    (folder / "mobile").mkdir()
    shutil.copy(paths.MOBILE / "variants.json", folder / "mobile")
    (folder / "lineage").mkdir()
    for path in lineage.files(description.params, folder / "lineage"):
        if path.parent != folder / "lineage":
            shutil.copy(path, folder / "lineage")
    (folder / "lineage/packages.txt").write_text(listed(description.packages), encoding="utf-8")
    code = lineage.Code(**outputs.read_exported()["code"])
    if code.changes:
        (folder / "lineage/changes.diff").write_text(code.changes, encoding="utf-8")


def mobile_metrics(exported: dict) -> dict[str, float]:
    """Name the numbers of variants.json as in MLflow: `mobile/int8/bytes`, and `mobile/bytes` of the one that ships."""
    shipped = exported["variants"][exported["shipped"]]
    found = {f"mobile/{key}": value for key, value in shipped.items()}
    for variant, numbers in exported["variants"].items():
        found |= {f"mobile/{variant}/{key}": value for key, value in numbers.items()}
    return found


def test_metrics(scored: dict) -> dict[str, float]:
    """Name the numbers of metrics.json as in MLflow, `test/recall/happy`, `robustness/hog-svm/mean`."""
    found = {f"test/{key}": value for key, value in scored["test"].items()}
    found |= {f"test_keras/{key}": value for key, value in scored["keras"].items()}
    for emotion, numbers in scored["per_emotion"].items():
        found |= {f"test/{key}/{emotion}": value for key, value in numbers.items()}
    found |= {f"robustness/{key}": value for key, value in scored["robustness"].items()}
    for model, numbers in scored["baseline"].items():
        found |= {f"robustness/{model}/{key}": value for key, value in numbers.items()}
    return found


def robustness_metrics(disturbed: pd.DataFrame) -> dict[str, float]:
    """Name the accuracies of the network in robustness.csv as in MLflow: `robustness/shift/4`."""
    from src.report.robustness import NETWORK

    harder = disturbed[(disturbed["model"] == NETWORK) & (disturbed["strength"] > 0)]
    names = harder["disturbance"].str.replace(" ", "_") + "/" + harder["strength"].map("{:g}".format)
    return {f"robustness/{name}": float(value) for name, value in zip(names, harder["accuracy"], strict=True)}


def _note(metrics: dict[str, float], protocol: str) -> str:
    """Give the description of a run that is evaluated, markdown."""
    low, high = metrics["test/accuracy_low"], metrics["test/accuracy_high"]
    return (
        f"{POOLED if protocol == 'pooled' else ''}"
        f"**{metrics['test/accuracy']:.1%} on test** ({low:.1%} to {high:.1%}, {metrics['test/images']:,} images), "
        f"{metrics['mobile/val_accuracy']:.1%} on val, {metrics['robustness/mean']:.1%} on harder faces: the .tflite "
        f"that ships, {metrics['mobile/bytes']:,} bytes.\n\n"
        "Everything else is in the artifacts `reports/index.html` (the model) and `reports/data/index.html` (the data)."
    )
