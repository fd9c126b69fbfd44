"""Fit the teacher: networks on the faces of all seven emotions, which differ by their seeds alone, and their heir."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from src import cli, paths
from src.config import is_on, read_params
from src.faces import splits
from src.fer2013 import EMOTIONS
from src.network import checkpoints
from src.params import DataParams, ModelParams, TeacherParams, TrainParams
from src.tracking import outputs, runs
from src.train import describe, train_into

if TYPE_CHECKING:
    from src.network.distillation import Teacher


def describe_network(
    data: DataParams, model: ModelParams, train: TrainParams, summary: dict, members: str | None
) -> runs.Description:
    """Say what the run of a member is, or of their heir: then `members` names their runs."""
    with cli.hushed():
        description = describe(data, model, train, summary, members or "is one itself")
    which = "heir" if members else f"seed {train.seed}"
    return description._replace(
        name=f"teacher: {model.architecture}-{len(EMOTIONS)}-{data.protocol}, {which}",
        lineage=description.lineage | {"mlflow.source.name": "src/teacher.py"},
    )


def teacher_of_heir(params: TeacherParams) -> tuple[Teacher, str]:
    """Give the members, who are there by now, as a teacher of all emotions, and the ids of their runs."""
    with cli.hushed():
        from src.network import distillation

        members = params.model_copy(update={"heir": None})
        return distillation.load(members, EMOTIONS), outputs.read_teacher(members)


def main(argv: list[str] | None = None) -> None:
    cli.parser("teacher", __doc__).parse_args(argv)
    if not is_on(TeacherParams):
        paths.write_json(paths.TEACHER / "none.json", None)  # DVC warns of an empty folder
        print("params.yaml asks for no teacher")
        return
    params = read_params(TeacherParams)
    data = read_params(DataParams).model_copy(update={"emotions": EMOTIONS})
    summary = splits.load_summary(paths.PROCESSED_TEACHER)
    data.demand_prepared(summary)
    faces = splits.load("train", paths.PROCESSED_TEACHER), splits.load("val", paths.PROCESSED_TEACHER)
    os.environ.pop("MLFLOW_RUN_ID", None)  # the run that `mlflow run` opened is for train
    networks = params.networks()
    with ExitStack() as kept:  # all checkpoints, until the last network is there: DVC keeps a stage's outputs or none
        for number, (model, train) in enumerate(networks):
            print(f"teacher {number + 1} of {len(networks)}")
            teacher, members = teacher_of_heir(params) if number == params.members else (None, None)
            description = describe_network(data, model, train, summary, members)
            checkpoint = kept.enter_context(checkpoints.opened(description.identity()))
            train_into(paths.teacher(number), checkpoint, description, model, train, faces, len(EMOTIONS), teacher)


if __name__ == "__main__":
    cli.run(main)
