"""Fit the teacher: networks on the faces of all seven emotions, which differ by their seeds alone."""

from __future__ import annotations

import os
from contextlib import ExitStack

from src import cli, paths
from src.config import read_optional, read_params
from src.faces import splits
from src.fer2013 import EMOTIONS
from src.network import checkpoints
from src.params import DataParams, TeacherParams
from src.tracking import runs
from src.train import describe, train_into


def describe_member(number: int, data: DataParams, params: TeacherParams, summary: dict) -> runs.Description:
    """Say what the run of the member with this number, from 0, is."""
    train = params.train_of(number)
    with cli.hushed():
        description = describe(data, params.model, train, summary, "is one itself")
    return description._replace(
        name=f"teacher: {params.model.architecture}-{len(EMOTIONS)}-{data.protocol}, seed {train.seed}",
        lineage=description.lineage | {"mlflow.source.name": "src/teacher.py"},
    )


def main(argv: list[str] | None = None) -> None:
    cli.parser("teacher", __doc__).parse_args(argv)
    asked = checkpoints.ask("teacher")
    params = read_optional(TeacherParams)
    if params is None:
        paths.write_json(paths.TEACHER / "none.json", None)  # DVC warns of an empty folder
        print("params.yaml asks for no teacher")
        return
    data = read_params(DataParams).model_copy(update={"emotions": EMOTIONS})
    summary = splits.load_summary(paths.PROCESSED_TEACHER)
    data.demand_prepared(summary)
    faces = splits.load("train", paths.PROCESSED_TEACHER), splits.load("val", paths.PROCESSED_TEACHER)
    os.environ.pop("MLFLOW_RUN_ID", None)  # the run that `mlflow run` opened is for train
    members = [describe_member(number, data, params, summary) for number in range(params.members)]
    with ExitStack() as kept:  # all checkpoints, until the last member is there: DVC keeps a stage's outputs or none
        opened = [kept.enter_context(checkpoints.opened(member.identity(), asked)) for member in members]
        for number, (member, checkpoint) in enumerate(zip(members, opened, strict=True)):
            print(f"teacher {number + 1} of {params.members}")
            folder, train = paths.teacher(number), params.train_of(number)
            train_into(folder, checkpoint, member, params.model, train, faces, len(EMOTIONS))


if __name__ == "__main__":
    cli.run(main)
