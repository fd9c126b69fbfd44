"""Pull the faces from Kaggle, a file, a folder or the drawing code into data/raw: one table, every row checked."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from src import cli, paths
from src.config import read_params
from src.faces.drawn import draw
from src.faces.folder import read_pictures
from src.faces.kaggle import KAGGLE, download
from src.faces.rows import Table, read_rows
from src.faces.sources import VARIABLE, find, open_csv
from src.fer2013 import EMOTIONS, USAGES
from src.params import DataParams

SEED = 2013
"""Of the drawn faces; which of them there are is decided by their number alone."""
ORIGINALS = {
    "f8428a1edbd21e88f42c73edd2a14f95": "fer2013.csv",
    "b114b9e04e6949e5fe8b6a98b3892b1d": "icml_face_data.csv",
}
"""MD5 of the files of the Kaggle challenge of 2013."""


def pull(params: DataParams, where: str | None) -> tuple[Table, dict[str, Any]]:
    """Read or draw the faces.

    Args:
        params: `source`, and `drawn_images` if that is `drawn`.
        where: File or folder with FER2013; empty or None asks Kaggle.

    Returns:
        The table, and what source.json says of it.
    """
    facts: dict[str, Any] = {"md5": None, "bytes": None, "original": None}
    if params.source == "drawn":
        table = draw_table(params.drawn_images)
        facts |= {"kind": "drawn", "name": f"drawn by code, seed {SEED}"}
    else:
        path = find(Path(where).expanduser() if where else download())
        facts["name"] = os.fsencode(path.resolve().name).decode(errors="replace") if where else KAGGLE
        if path.is_dir():
            table = read_pictures(path)
            facts["kind"] = "folder"
        else:
            with open_csv(path) as stream:
                table = read_rows(stream, stream.name)
            md5 = stream.md5.hexdigest()
            facts |= {"kind": "csv", "md5": md5, "bytes": stream.size, "original": ORIGINALS.get(md5)}
    facts |= {"rows_read": len(table.rows) + len(table.rejected), "rows_rejected": len(table.rejected)}
    return table, facts | {"digest": digest(table)}


def draw_table(count: int) -> Table:
    """Draw faces; of ten rounds through the emotions 8 are Training, 1 PublicTest, 1 PrivateTest."""
    images, emotions = draw(count, SEED)
    rounds = np.arange(count) // len(EMOTIONS) % 10
    usages = np.select([rounds < 8, rounds < 9], [0, 1], 2).astype(np.uint8)
    return Table(images, emotions, usages, np.arange(1, count + 1, dtype=np.int32), [])


def digest(table: Table) -> str:
    """Give the SHA-256 over names, types, shapes and bytes of the arrays, which no file format can change."""
    found = hashlib.sha256()
    for name, array in _arrays(table).items():
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def write(table: Table, facts: dict[str, Any]) -> None:
    """Write faces.npz, rejected.csv and source.json, each whole; none of them if one can't be written."""
    with (
        paths.replacing(paths.RAW / "source.json") as source,
        paths.replacing(paths.RAW / "rejected.csv") as rejected,
        paths.replacing(paths.RAW / "faces.npz") as faces,
    ):
        np.savez(faces, allow_pickle=False, **_arrays(table))
        with rejected.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([("row", "reason"), *table.rejected])
        source.write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def describe(table: Table, facts: dict[str, Any]) -> str:
    """Say in two or three lines what was read."""
    counts = np.bincount(table.usages, minlength=len(USAGES))
    splits = ", ".join(f"{count:,} {usage}" for usage, count in zip(USAGES, counts, strict=True))
    lines = [f"{facts['name']}: {len(table.rows):,} faces ({splits})"]
    if facts["md5"]:
        known = f"the challenge's {facts['original']}" if facts["original"] else "not one of the challenge's files"
        lines.append(f"MD5 {facts['md5']}: {known}")
    lines.append(f"{len(table.rejected):,} rows rejected, see {paths.RAW / 'rejected.csv'}")
    return "\n".join(lines)


def _arrays(table: Table) -> dict[str, np.ndarray]:
    return {"images": table.images, "emotions": table.emotions, "usages": table.usages, "rows": table.rows}


def main(argv: list[str] | None = None) -> None:
    cli.parser("pull", __doc__).parse_args(argv)
    table, facts = pull(read_params(DataParams), os.environ.get(VARIABLE))
    write(table, facts)
    print(describe(table, facts))


if __name__ == "__main__":
    cli.run(main)
