"""Fit the teacher, a larger network, on the faces of all seven emotions."""

from __future__ import annotations

import os

from src import cli, paths
from src.config import is_on, read_params
from src.faces import splits
from src.fer2013 import EMOTIONS
from src.params import DataParams, TeacherParams
from src.train import describe, train_into


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
    train, val = (splits.load(name, paths.PROCESSED_TEACHER) for name in ("train", "val"))
    os.environ.pop("MLFLOW_RUN_ID", None)  # the run that `mlflow run` opened is for train
    with cli.hushed():
        description = describe(data, params.model, params.train, summary, "is one itself")
    description = description._replace(
        name=f"teacher: {params.model.architecture}-{len(EMOTIONS)}-{data.protocol}",
        lineage=description.lineage | {"mlflow.source.name": "src/teacher.py"},
    )
    train_into(paths.TEACHER, description, params.model, params.train, (train, val), len(EMOTIONS))


if __name__ == "__main__":
    cli.run(main)
