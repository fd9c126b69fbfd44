"""The image-folder layout of FER2013: one picture per face, its emotion and usage in its path."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from src.faces.rows import Rejected, Table, check_share
from src.fer2013 import EMOTIONS, SIDE, USAGES

SUFFIXES = (".jpg", ".jpeg", ".png")
SPLITS = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}


def read_pictures(folder: Path) -> Table:
    """Read `train/<emotion>/Training_*` and `test/<emotion>/PublicTest_*|PrivateTest_*`, checking every picture.

    Args:
        folder: Holds `train` and `test`; the classes are named as `fer2013.EMOTIONS`.

    Raises:
        ValueError: There are no pictures, or more than 1 % of them are wrong.
    """
    from tqdm import tqdm

    found = [path.relative_to(folder).as_posix() for split in ("train", "test") for path in folder.glob(f"{split}/*/*")]
    names = sorted(name for name in found if name.lower().endswith(SUFFIXES))
    images = np.zeros((len(names), SIDE, SIDE), np.uint8)
    codes = np.zeros((2, len(names)), np.uint8)
    rejected = []
    for index, name in enumerate(tqdm(names, desc=folder.name, unit="images", disable=None)):
        try:
            codes[:, index] = parse_name(name)
            images[index] = read_picture(folder / name)
        except (ValueError, OSError) as fault:
            rejected.append(Rejected(index + 1, f"{name}: {fault}"))
    check_share(str(folder), len(names) - len(rejected), rejected)
    good = np.ones(len(names), bool)
    good[[fault.row - 1 for fault in rejected]] = False
    return Table(images[good], codes[0, good], codes[1, good], np.flatnonzero(good).astype(np.int32) + 1, rejected)


def parse_name(name: str) -> tuple[int, int]:
    """Give the code of the emotion and the index of the usage of `train/happy/Training_1206.jpg`.

    Raises:
        ValueError: The path does not follow the layout.
    """
    split, emotion, file = PurePosixPath(name).parts
    if emotion not in EMOTIONS:
        raise ValueError(f"the folder is {emotion!r}, expected {', '.join(EMOTIONS)}")
    usage = file.partition("_")[0]
    if SPLITS.get(usage) != split:
        expected = " or ".join(f"{known}_*" for known, place in SPLITS.items() if place == split)
        raise ValueError(f"the name under {split}/ is {file!r}, expected {expected}")
    return EMOTIONS.index(emotion), USAGES.index(usage)


def read_picture(path: Path) -> np.ndarray:
    """Read a picture as uint8 (48, 48).

    Raises:
        ValueError: It is not 48 x 48, or not grey or RGB with 8 bits.
        OSError: It is damaged or no picture.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=("JPEG", "PNG")) as picture:
            if picture.size != (SIDE, SIDE):
                raise ValueError(f"found {picture.width} x {picture.height} pixels, expected {SIDE} x {SIDE}")
            if picture.mode not in ("L", "RGB"):
                raise ValueError(f"found mode {picture.mode}, expected grey with 8 bits (L) or RGB")
            return np.asarray(picture.convert("L"))
    except Image.UnidentifiedImageError:
        raise ValueError("found no picture, expected JPEG or PNG") from None
    except (SyntaxError, Image.DecompressionBombError) as error:  # a broken PNG is a SyntaxError to Pillow
        raise ValueError(f"not a sound picture: {error}") from None
