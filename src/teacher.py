"""Fit the teacher, a larger network, on the faces of all seven emotions."""

from __future__ import annotations

import numpy as np

from src import cli, paths
from src.config import is_on, read_params
from src.faces import splits
from src.fer2013 import EMOTIONS, Split
from src.params import DataParams, TeacherParams
from src.train import describe, train_into


def all_emotions(emotions: tuple[str, ...]) -> tuple[Split, Split]:
    """Give train with the faces of the other emotions, and val, both labelled by FER2013's codes."""
    codes = np.array([EMOTIONS.index(name) for name in emotions])
    train, val, others = (splits.load(name) for name in ("train", "val", "others"))
    images = np.concatenate([train.images, others.images])
    return Split(images, np.concatenate([codes[train.labels], others.labels])), Split(val.images, codes[val.labels])


def main(argv: list[str] | None = None) -> None:
    cli.parser("teacher", __doc__).parse_args(argv)
    if not is_on(TeacherParams):
        paths.TEACHER.mkdir(parents=True, exist_ok=True)
        print("params.yaml asks for no teacher")
        return
    data, params = read_params(DataParams), read_params(TeacherParams)
    with cli.hushed():
        summary = splits.load_summary()
        description = describe("teacher", data, params.model, params.train, summary, {"teacher": "is one"})
        description.datasets["others"] = (summary["others"]["digest"], summary["others"]["images"])
    train_into(paths.TEACHER, description, params.model, params.train, all_emotions(data.emotions), len(EMOTIONS))


if __name__ == "__main__":
    cli.run(main)
