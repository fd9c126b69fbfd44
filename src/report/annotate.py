"""Draw into a photo what was found in it, legible however small or large the photo is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

LINE, GROUND, INK = "#ffb000", "#000000", "#ffffff"
"""Amber on a black edge stands out from light, dark and skin, for colour-blind eyes too."""

SMALLEST = 480
"""A photo with a smaller geometric mean of its sides is enlarged by a whole number first."""

LONGEST = 16_383
"""WebP's longest side: no photo is enlarged beyond."""

WRITTEN = (".jpg", ".jpeg", ".png", ".webp")
"""Formats that copies keep; the copy of any other is a PNG."""

Rectangle = tuple[float, float, float, float]


def annotate(photo: np.ndarray, boxes: Sequence[Rectangle], captions: Sequence[str], footnote: str = "") -> Image:
    """Draw a box and a caption for every face.

    Args:
        photo: uint8 array (height, width, 3), RGB.
        boxes: Left, top, width and height of each, in pixels of the photo; they may reach outside.
        captions: One for each box, a few words.
        footnote: Stands at the bottom of the picture.

    Returns:
        A Pillow image of the photo's size, or of a multiple of it if the photo is small.
    """
    from PIL import Image, ImageDraw, ImageFont

    mean_side = math.sqrt(photo.shape[0] * photo.shape[1])
    factor = max(1, min(math.ceil(SMALLEST / mean_side), LONGEST // max(photo.shape)))
    size = factor * photo.shape[1], factor * photo.shape[0]
    picture = Image.fromarray(photo).resize(size, Image.Resampling.NEAREST)
    drawing = ImageDraw.Draw(picture)
    drawing.font = ImageFont.load_default(size=max(14, factor * mean_side / 32))
    thickness = max(2, round(factor * mean_side / 250))
    corners = [_corners(box, factor, picture.size) for box in boxes]
    for place in corners:
        drawing.rectangle(place, outline=GROUND, width=2 * thickness)
        left, top, right, bottom = place
        inset = min(thickness, right - left, bottom - top) / 2
        drawing.rectangle([left + inset, top + inset, right - inset, bottom - inset], outline=LINE, width=thickness)
    for place, caption in zip(corners, captions, strict=True):
        _write(drawing, caption, place[0], place[1], picture.size)
    if footnote:
        _write(drawing, footnote, 0, picture.height, picture.size)
    return picture


def copies(names: Mapping[Path, Path], out: Path) -> dict[Path, Path]:
    """Give the file that each photo's annotated copy goes to, no two the same.

    Args:
        names: Photo -> its path below the folder that was asked for, which its copy keeps.
        out: The folder for the copies.

    Raises:
        ValueError: A copy would replace one of the photos.
    """
    originals, found, taken = {photo.resolve() for photo in names}, dict[Path, Path](), set[Path]()
    for photo, name in names.items():
        suffix = name.suffix if name.suffix.lower() in WRITTEN else f"{name.suffix}.png"
        copy, number = out / name.with_name(f"{name.stem}-faces{suffix}"), 1
        while copy in taken:
            number += 1
            copy = out / name.with_name(f"{name.stem}-faces-{number}{suffix}")
        if copy.resolve() in originals:
            raise ValueError(f"{copy} is one of the photos and its copy would replace it; choose another --out")
        found[photo] = copy
        taken.add(copy)
    return found


def _corners(box: Rectangle, factor: int, size: tuple[int, int]) -> list[float]:
    """Give the visible part of a box: left, top, right, bottom in pixels of the picture, at least a point."""
    left, top, width, height = (factor * value for value in box)
    last = size[0] - 1, size[1] - 1
    ends = zip((left, top, left + width, top + height), (*last, *last), strict=True)
    return [min(max(value, 0), limit) for value, limit in ends]


def _write(drawing: ImageDraw, text: str, left: float, bottom: float, size: tuple[int, int]) -> None:
    """Write on a dark ground above `bottom`, moved as far as it takes to stand inside the picture."""
    _, above, _, below = drawing.textbbox((0, 0), "Ag")  # the same ground whatever the letters
    margin = (below - above) / 4
    width, height = drawing.textlength(text) + 2 * margin, below - above + 2 * margin
    x, y = max(0, min(left, size[0] - width)), max(0, min(bottom - height, size[1] - height))
    drawing.rectangle((x, y, x + width, y + height), fill=GROUND)
    drawing.text((x + margin, y + margin - above), text, fill=INK)
