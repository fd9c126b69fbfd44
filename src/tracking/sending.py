"""From the workspace's files to the MLflow run: what each stage leaves there for people to compare."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from src import paths
from src.config import flat
from src.faces import splits
from src.params import TeacherParams
from src.tracking import lineage, runs

STAGES = ("train", "export", "evaluate")
POOLED = "**Optimistic: `pooled`, as in the seed, tests on the images that chose the weights.** "


def send(stage: str) -> None:
    """Send what the stages up to this one made; a store that can't be reached is left to `register`."""
    try:
        send_all(up_to=stage)
    except ConnectionError as error:
        print(f"warning: {error}. The stage `register` will send what is missing", file=sys.stderr)


def send_all(up_to: str = STAGES[-1]) -> str:
    """Send what the stages up to `up_to` made and the store lacks, and give the run's id in this store.

    Raises:
        ConnectionError: The store can't be reached.
    """
    run_id, description = read_run()
    history = _history(paths.MODELS)
    accuracies = [epoch["val_accuracy"] for epoch in history]
    metrics = {"val/best_accuracy": max(accuracies), "val/best_epoch": accuracies.index(max(accuracies)) + 1.0}
    files: dict[str, list[Path]] = {}
    done = STAGES[: STAGES.index(up_to) + 1]
    if "export" in done:
        metrics |= mobile_metrics(read_exported())
        files["mobile"] = [paths.MOBILE / "variants.json"]
    if "evaluate" in done:
        metrics |= test_metrics(read_scored())
        metrics |= robustness_metrics(pd.read_csv(paths.existing(paths.REPORTS / "robustness.csv", "evaluate")))
        files["reports"] = [paths.REPORTS]
    tags = lineage.data_tags()
    if "evaluate" in done:
        tags["mlflow.note.content"] = _note(metrics, description.tags["protocol"])
    if description.tags["teacher"] != "none":
        tags["teacher"] = runs.send(*read_run(paths.TEACHER), _history(paths.TEACHER), {}, {}, {}, {})
    tags["source_md5"] = splits.load_summary()["source"].get("md5") or "none"
    with tempfile.TemporaryDirectory() as folder:
        files["lineage"] = lineage.files(description.params, Path(folder))
        sent = runs.send(run_id, description, history, metrics, lineage.settings(), tags, files)
    runs.point_out(sent)
    return sent


def demand_current() -> None:
    """Check that the model was trained on the splits that are here, for stages that are called one by one.

    Raises:
        ValueError: It was trained on others, or learned from another teacher than the one that is here.
        FileNotFoundError: There is no model, or there are no splits, or no teacher that it learned from.
    """
    _, description = read_run()
    found, expected = description.tags["data_digest"], splits.load_summary()["digest"]
    if found != expected:
        raise ValueError(
            f"{paths.MODELS} was trained on splits of digest {found[:12]}, expected those that are here, "
            f"{expected[:12]}; run `dvc repro train`"
        )
    teacher = description.tags["teacher"]
    if teacher != "none" and read_run(paths.TEACHER)[0] != teacher:
        raise ValueError(
            f"{paths.MODELS} learned from the teacher of run {teacher}, expected the one that is here, "
            f"{read_run(paths.TEACHER)[0]}; run `dvc repro train`"
        )


def read_exported() -> dict[str, Any]:
    """Read variants.json.

    Raises:
        ValueError: It is of another model than the one that is here.
        FileNotFoundError: One of both is missing.
    """
    exported = _read(paths.MOBILE / "variants.json", "export")
    found, expected = exported["model"], sha256(paths.existing(paths.MODELS / "model.keras", "train"))
    if found != expected:
        raise ValueError(
            f"{paths.MOBILE} was made from a model.keras of sha256 {found[:12]}, expected the one that is here, "
            f"{expected[:12]}; run `dvc repro export`"
        )
    return exported


def read_scored() -> dict[str, Any]:
    """Read metrics.json.

    Raises:
        ValueError: It is of another run, or of another .tflite, than the one that is here.
        FileNotFoundError: One of them is missing.
    """
    scored = _read(paths.REPORTS / "metrics.json", "evaluate")
    found = scored["run"]["id"], scored["sha256"]
    expected = read_run()[0], sha256(shipped_file(read_exported()))
    if found != expected:
        raise ValueError(
            f"{paths.REPORTS / 'metrics.json'} is of run {found[0]} and a .tflite of sha256 {found[1][:12]}, expected "
            f"those that are here, {expected[0]} and {expected[1][:12]}; run `dvc repro evaluate`"
        )
    return scored


def shipped_file(exported: dict[str, Any]) -> Path:
    """Give the .tflite that ships, as variants.json says."""
    return paths.existing(paths.MOBILE / f"{exported['shipped']}.tflite", "export")


def sha256(path: Path) -> str:
    """Give the digest of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_teacher(params: TeacherParams) -> str:
    """Give the id of the run that trained the teacher.

    Raises:
        ValueError: It was trained with other parameters, or on other faces than those that are here.
        FileNotFoundError: There is none, or there are no splits.
    """
    run_id, description = read_run(paths.TEACHER)
    made = {"data digest": description.tags["data_digest"], **description.params}
    asked = {"data digest": splits.load_summary(paths.PROCESSED_TEACHER)["digest"]}
    asked |= flat("model", params.model) | flat("train", params.train)
    for name in asked | made:  # a section that is null on one side alone has other names there
        if not name.startswith("data.") and made.get(name) != asked.get(name):
            raise ValueError(
                f"{paths.TEACHER} was trained with {name} {made.get(name)}, expected {asked.get(name)}; "
                "run `dvc repro teacher`"
            )
    return run_id


def read_run(folder: Path = paths.MODELS) -> tuple[str, runs.Description]:
    """Read the id and the description of the run that `train`, or `teacher`, wrote to its folder."""
    stored = _read(folder / "run.json", "teacher" if folder == paths.TEACHER else "train")
    run_id = stored.pop("run_id")
    return run_id, runs.Description(**stored)


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


def _history(folder: Path) -> list[dict[str, float]]:
    table = pd.read_csv(paths.existing(folder / "history.csv", "train")).drop(columns="epoch")
    return [{str(name): float(value) for name, value in row.items()} for row in table.to_dict("records")]


def _read(path: Path, stage: str) -> dict:
    return json.loads(paths.existing(path, stage).read_text(encoding="utf-8"))
