"""Split the faces into train, val and test, without the copies that would leak between them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from src import cli, paths
from src.config import read_params
from src.faces.splits import Assignment, Faces, assign, assign_teacher, digest, identities, read_arrays, take
from src.fer2013 import EMOTIONS, USAGES
from src.params import DataParams


def summarise(faces: Faces, assignment: Assignment, params: DataParams) -> dict[str, Any]:
    """Count what each split holds and what was removed from it, with a digest per split and one of all."""
    splits: dict[str, Any] = {}
    for name, positions in assignment.splits.items():
        split = take(faces, positions, params.emotions)
        removed = {reason: len(rows) for reason, rows in assignment.removed[name].items()}
        splits[name] = {
            "found": len(positions) + sum(removed.values()),
            "removed": removed,
            "images": len(positions),
            "per_emotion": dict(
                zip(params.emotions, np.bincount(split.labels, minlength=len(params.emotions)).tolist(), strict=True)
            ),
            "digest": digest(split, params.emotions),
        }
    together = "".join(split["digest"] for split in splits.values())
    return {
        "protocol": params.protocol,
        "emotions": list(params.emotions),
        "digest": hashlib.sha256(together.encode()).hexdigest(),
        "splits": splits,
    }


def removed_table(faces: Faces, assignment: Assignment) -> pd.DataFrame:
    """List every removed face: its row in the source, usage, emotion, and the reason."""
    table = [
        (int(faces.rows[at]), USAGES[faces.usages[at]], EMOTIONS[faces.emotions[at]], reason)
        for reasons in assignment.removed.values()
        for reason, positions in reasons.items()
        for at in positions
    ]
    return pd.DataFrame(table, columns=["row", "usage", "emotion", "reason"])


def write_splits(
    folder: Path, faces: Faces, assignment: Assignment, params: DataParams, source: dict[str, Any]
) -> dict[str, Any]:
    """Write the splits of an assignment and what there is to say of them; give the latter.

    Of the source all is said but its name: the same faces from a renamed or packed file train nothing anew.
    """
    (folder / "splits.json").unlink(missing_ok=True)  # written last: what a kill leaves is not taken for whole
    for name, positions in assignment.splits.items():
        split = take(faces, positions, params.emotions)
        with paths.replacing(folder / f"{name}.npz") as path:
            np.savez(path, images=split.images, labels=split.labels, rows=faces.rows[positions])
    facts = {key: value for key, value in source.items() if key != "name"}
    summary = summarise(faces, assignment, params) | {"source": facts}
    paths.write_json(folder / "splits.json", summary)
    return summary


def write_report(faces: Faces, assignment: Assignment, summary: dict[str, Any]) -> None:
    """Write the data report: its page, its figures, and the counts as a table for `dvc plots`."""
    from src.report import data, data_report, page

    found = data.Data(*faces, identities(faces.images), assignment.splits, summary)
    page.write(
        paths.DATA_REPORT,
        lambda: data_report.figures(found),
        lambda pictures: data_report.tell(found, pictures),
    )
    with paths.replacing(paths.DATA_REPORT / "counts.csv") as path:
        data.counts(found).to_csv(path)


def main(argv: list[str] | None = None) -> None:
    cli.parser("preprocess", __doc__).parse_args(argv)
    params = read_params(DataParams)
    table = read_arrays(paths.RAW / "faces.npz", "pull")
    faces = Faces(table["images"], table["emotions"], table["usages"], table["rows"])
    assignment = assign(faces, params)
    # First: a training compares its teacher with them, and an interrupt must not leave them behind the others.
    all_emotions = params.model_copy(update={"emotions": EMOTIONS})
    source = paths.read_json(paths.RAW / "source.json", "pull")
    taught = assign_teacher(faces, params, assignment)
    of_teacher = write_splits(paths.PROCESSED_TEACHER, faces, taught, all_emotions, source)
    summary = write_splits(paths.PROCESSED, faces, assignment, params, source)
    with paths.replacing(paths.PROCESSED / "removed.csv") as path:
        removed_table(faces, assignment).to_csv(path, index=False)
    write_report(faces, assignment, summary | {"source": source})
    for name, split in summary["splits"].items():
        removed = ", ".join(f"{count:,} {reason}" for reason, count in split["removed"].items()) or "none"
        print(f"{name}: {split['found']:,} found, removed {removed}; {split['images']:,} images kept")
    counts = " and ".join(f"{split['images']:,} in {name}" for name, split in of_teacher["splits"].items())
    print(f"for the teacher, all seven emotions: {counts}")


if __name__ == "__main__":
    cli.run(main)
