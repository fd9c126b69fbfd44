"""What the stages wrote, read back, and checked to belong together: stages are also called one by one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

from src import paths
from src.config import flat, read_optional, read_params
from src.faces import splits
from src.params import BaselineParams, ExportParams, TeacherParams
from src.tracking.description import Description


def demand_current() -> None:
    """Check that the model was trained on the splits that are here, and learned from the teacher that is.

    Raises:
        ValueError: It was trained on others, or learned from another teacher than the one that is here, or than
            params.yaml asks for.
        FileNotFoundError: There is no model, or there are no splits, or no teacher that it learned from.
    """
    _, description = read_run()
    found, expected = description.tags["data_digest"], splits.load_summary()["digest"]
    if found != expected:
        raise ValueError(
            f"{paths.MODELS} was trained on splits of digest {found[:12]}, expected those that are here, "
            f"{expected[:12]}; run `dvc repro train`"
        )
    for number, learned_from in enumerate(teacher_runs(description)):
        here, _ = read_run(paths.teacher(number))
        if here != learned_from:
            raise ValueError(
                f"{paths.MODELS} learned from the teacher of run {learned_from}, expected the one that is here, "
                f"{here}; run `dvc repro train`"
            )
    teacher = read_optional(TeacherParams)
    asked = read_teacher(teacher) if teacher else "none"
    if asked != description.tags["teacher"]:
        raise ValueError(
            f"{paths.MODELS} learned from a teacher of the runs {description.tags['teacher']}, {paths.PARAMS} asks for "
            f"{asked}; run `dvc repro`, or put it back"
        )


def read_exported() -> dict[str, Any]:
    """Read variants.json.

    Raises:
        ValueError: It is of another model than the one that is here, or was made with other parameters.
        FileNotFoundError: One of both is missing.
    """
    exported = paths.read_json(paths.MOBILE / "variants.json", "export")
    found, expected = exported["model"], sha256(paths.existing(paths.MODELS / "model.keras", "train"))
    if found != expected:
        raise ValueError(
            f"{paths.MOBILE} was made from a model.keras of sha256 {found[:12]}, expected the one that is here, "
            f"{expected[:12]}; run `dvc repro export`"
        )
    _demand_equal("export", paths.MOBILE, exported.get("params", {}), flat("export", read_params(ExportParams)))
    return exported


def read_baseline() -> dict[str, dict[str, float]]:
    """Read scores.json: model -> accuracy on val and on test.

    Raises:
        ValueError: It is of other splits than those that are here, or was made with other parameters.
        FileNotFoundError: One of both is missing.
    """
    stored = paths.read_json(paths.BASELINE / "scores.json", "baseline")
    found, expected = stored["data_digest"], splits.load_summary()["digest"]
    if found != expected:
        raise ValueError(
            f"{paths.BASELINE} is of splits of digest {found[:12]}, expected those that are here, {expected[:12]}; "
            "run `dvc repro baseline`"
        )
    _demand_equal("baseline", paths.BASELINE, stored.get("params", {}), flat("baseline", read_params(BaselineParams)))
    return stored["models"]


def read_scored() -> dict[str, Any]:
    """Read metrics.json.

    Raises:
        ValueError: It is of another run, or of another .tflite, than the one that is here.
        FileNotFoundError: One of them is missing.
    """
    scored = paths.read_json(paths.REPORTS / "metrics.json", "evaluate")
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
    """Give the ids of the runs that trained the teacher, as the tag `teacher` of its student's run names them.

    Raises:
        ValueError: It was trained with other parameters, or on other faces than those that are here.
        FileNotFoundError: One of its members is missing, or there are no splits.
    """
    data_digest = splits.load_summary(paths.PROCESSED_TEACHER)["digest"]
    found = []
    for number in range(params.members):
        run_id, description = read_run(folder := paths.teacher(number))
        made = {name: value for name, value in description.params.items() if not name.startswith("data.")}
        asked = flat("model", params.model) | flat("train", params.train_of(number))
        _demand_equal("teacher", folder, {"data digest": description.tags["data_digest"], **made},
                      {"data digest": data_digest, **asked})  # fmt: skip
        found.append(run_id)
    return ", ".join(found)


def teacher_runs(description: Description) -> list[str]:
    """Give the ids of the runs of the teacher that the model of this run learned from; none, if it had no teacher."""
    teacher = description.tags["teacher"]
    return [] if teacher == "none" else teacher.split(", ")


def read_run(folder: Path = paths.MODELS) -> tuple[str, Description]:
    """Read the id and the description of the run that `train`, or `teacher`, wrote to its folder."""
    stored = paths.read_json(folder / "run.json", "train" if folder == paths.MODELS else "teacher")
    run_id = stored.pop("run_id")
    return run_id, Description(**stored)


def read_history(folder: Path) -> list[dict[str, float]]:
    """Read what `train`, or `teacher`, measured in each epoch."""
    path = paths.existing(folder / "history.csv", "train" if folder == paths.MODELS else "teacher")
    table = pd.read_csv(path).drop(columns="epoch")
    return [{str(name): float(value) for name, value in row.items()} for row in table.to_dict("records")]


def _demand_equal(stage: str, folder: Path, made: dict[str, Any], asked: dict[str, Any]) -> None:
    """Check that a stage's outputs in `folder` were made with what is asked for now, name by name.

    Raises:
        ValueError: They were not.
    """
    for name in asked | made:  # a section that is null on one side alone has other names there
        if made.get(name) != asked.get(name):
            raise ValueError(
                f"{folder} was made with {name} {made.get(name)}, expected {asked.get(name)}; run `dvc repro {stage}`"
            )
