"""Which face goes into which split, and which faces are left out."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from src import paths
from src.fer2013 import EMOTIONS, USAGES, Split
from src.params import DataParams

TRAINING, PUBLIC_TEST, PRIVATE_TEST = range(len(USAGES))
POOLED_SEED = 42
POOLED_SHARE = 0.1
DAMAGED = (EOFError, ValueError, zipfile.BadZipFile, zlib.error)
"""What numpy raises for an .npz that was cut off, or is none."""


class Faces(NamedTuple):
    """The table that `pull` writes, one entry per face.

    Attributes:
        images: uint8 array (n, 48, 48).
        emotions: uint8 array (n,), index into `EMOTIONS`.
        usages: uint8 array (n,), index into `USAGES`.
        rows: int32 array (n,), row in the source, from 1.
    """

    images: np.ndarray
    emotions: np.ndarray
    usages: np.ndarray
    rows: np.ndarray


class Assignment(NamedTuple):
    """Where each face of the chosen emotions goes.

    Attributes:
        splits: For train, val and test: positions in the table, ascending.
        removed: For train, val and test: reason -> positions that were left out for it.
    """

    splits: dict[str, np.ndarray]
    removed: dict[str, dict[str, np.ndarray]]


def assign(faces: Faces, params: DataParams) -> Assignment:
    """Assign every face of the chosen emotions to a split, or say why it is left out.

    Raises:
        ValueError: A split would have no image of one of the emotions.
    """
    codes = [EMOTIONS.index(name) for name in params.emotions]
    chosen = np.isin(faces.emotions, codes)
    assignment = _official(faces, chosen) if params.protocol == "official" else _pooled(faces, chosen)
    for name, positions in assignment.splits.items():
        missing = set(codes) - set(faces.emotions[positions].tolist())
        if missing:
            raise ValueError(
                f"{name} has no image of {EMOTIONS[min(missing)]!r}, expected every emotion of data.emotions in every "
                "split; pull a complete source, or leave that emotion out"
            )
    return assignment


def _official(faces: Faces, chosen: np.ndarray) -> Assignment:
    """Keep FER2013's own splits; test stays as it is, val and train give way to it.

    Copies and conflicting labels are looked for among all seven emotions: a face must not be learned as sad while
    test holds it as angry.
    """
    identity = identities(faces.images)
    usage = [faces.usages == code for code in range(len(USAGES))]
    in_test = np.isin(identity, identity[usage[PRIVATE_TEST]])
    in_val = np.isin(identity, identity[usage[PUBLIC_TEST]])
    training = pd.DataFrame({"identity": identity, "emotion": faces.emotions})[usage[TRAINING]]
    conflicting = np.zeros(len(identity), bool)
    conflicting[usage[TRAINING]] = training.groupby("identity").emotion.transform("nunique") > 1
    surplus = np.zeros(len(identity), bool)
    surplus[usage[TRAINING]] = training.duplicated("identity")

    rules: dict[str, dict[str, np.ndarray]] = {
        "train": {
            "also in test": in_test,
            "also in val": in_val,
            "conflicting labels": conflicting,
            "surplus copy": surplus,
        },
        "val": {"also in test": in_test},
        "test": {},
    }
    splits: dict[str, np.ndarray] = {}
    removed: dict[str, dict[str, np.ndarray]] = {}
    for name, code in (("train", TRAINING), ("val", PUBLIC_TEST), ("test", PRIVATE_TEST)):
        left = chosen & usage[code]
        removed[name] = {}
        for reason, faulty in rules[name].items():
            removed[name][reason] = np.flatnonzero(left & faulty)
            left &= ~faulty
        splits[name] = np.flatnonzero(left)
    return Assignment(splits, removed)


def _pooled(faces: Faces, chosen: np.ndarray) -> Assignment:
    """Repeat the seed: all rows, stratified 90/10, nothing removed; the 10 % both selects and reports."""
    from sklearn.model_selection import train_test_split

    pool = np.flatnonzero(chosen)
    try:
        train, held_out = train_test_split(
            pool, test_size=POOLED_SHARE, stratify=faces.emotions[pool], random_state=POOLED_SEED
        )
    except ValueError as error:
        raise ValueError(f"{len(pool)} faces can't be split 90/10 by emotion: {error}; pull more of them") from None
    splits = {"train": np.sort(train), "val": np.sort(held_out), "test": np.sort(held_out)}
    return Assignment(splits, {name: {} for name in splits})


def assign_teacher(faces: Faces, params: DataParams, assignment: Assignment) -> Assignment:
    """Assign the faces of all seven emotions to the teacher's train and val; none is among the model's test.

    Under `official` they are the same whatever the model's emotions. Under `pooled` val is the model's, and train is
    the model's with all faces of the other emotions, but no picture that val holds too.
    """
    if params.protocol == "official":
        splits, removed = _official(faces, np.ones(len(faces.images), bool))
        return Assignment(
            {name: splits[name] for name in ("train", "val")}, {name: removed[name] for name in ("train", "val")}
        )
    train, val = assignment.splits["train"], assignment.splits["val"]
    identity = identities(faces.images)
    others = ~np.isin(faces.emotions, [EMOTIONS.index(name) for name in params.emotions])
    others &= ~np.isin(identity, identity[val])
    return Assignment(
        {"train": np.union1d(train, np.flatnonzero(others)), "val": val}, {name: {} for name in ("train", "val")}
    )


def identities(images: np.ndarray) -> np.ndarray:
    """Give each image (n, 48, 48) a number that it shares with exactly its identical copies."""
    return pd.factorize(np.array([image.tobytes() for image in images], dtype=object))[0]


def take(faces: Faces, positions: np.ndarray, emotions: tuple[str, ...]) -> Split:
    """Give the faces at these positions, labelled by their index in `emotions`."""
    codes = np.array([EMOTIONS.index(name) for name in emotions])
    return Split(faces.images[positions][..., None], np.searchsorted(codes, faces.emotions[positions]))


def digest(split: Split, emotions: tuple[str, ...]) -> str:
    """Give the sha256 of a split: the names of its labels, its images and labels, in their order."""
    found = hashlib.sha256("\n".join(emotions).encode())
    found.update(np.ascontiguousarray(split.images).data)
    found.update(split.labels.astype("<i8").tobytes())
    return found.hexdigest()


def load(name: str, folder: Path = paths.PROCESSED) -> Split:
    """Load train, val or test as `preprocess` wrote it."""
    arrays = read_arrays(folder / f"{name}.npz", "preprocess")
    return Split(arrays["images"], arrays["labels"])


def load_rows(name: str) -> np.ndarray:
    """Load the row in the source of each image of a split, int32 (n,)."""
    return read_arrays(paths.PROCESSED / f"{name}.npz", "preprocess")["rows"]


def read_arrays(path: Path, stage: str) -> dict[str, np.ndarray]:
    """Read the arrays that a stage wrote to an .npz.

    Raises:
        ValueError: The file is damaged.
        FileNotFoundError: There is none; the message names the stage.
    """
    try:
        with paths.existing(path, stage).open("rb") as file, np.load(file) as stored:
            return dict(stored)
    except DAMAGED:  # what numpy says of one that is none is advice to load it unsafely
        raise ValueError(f"{path} is damaged, expected a whole .npz; run `dvc repro -f {stage}`") from None


def load_summary(folder: Path = paths.PROCESSED) -> dict:
    """Load what `preprocess` says of the splits: protocol, emotions, digests, counts, source."""
    return paths.read_json(folder / "splits.json", "preprocess")
