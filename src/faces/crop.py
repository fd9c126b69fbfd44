"""The crop: from a face's box to the 48 x 48 grey levels that the network was trained on.

The phone cuts in TypeScript and must get the same bytes, so this is plain arithmetic and no library's resize.
Coordinates are those of the pixels' borders: pixel p covers p .. p + 1, and (0, 0) is the image's top left corner.
"""

from typing import NamedTuple

import numpy as np

from src.fer2013 import SIDE

TIE = 1e-6
"""Added before rounding: a grey level meant to be k + 1/2 rounds up, whichever way the sums were ordered."""


class Box(NamedTuple):
    """A rectangle, in pixels of the image; it may be fractional and reach outside.

    Attributes:
        left: The left border.
        top: The upper border.
        width: From the left border to the right.
        height: From the upper border to the lower.
    """

    left: float
    top: float
    width: float
    height: float


class Crop(NamedTuple):
    """Where the square lies that FER2013 would show, as shares of the size of the detector's box.

    The size is the mean of width and height, which BlazeFace gives equal but for some thousandths.

    Attributes:
        shift_x: From the box's centre to the square's, positive to the right.
        shift_y: From the box's centre to the square's, positive downwards.
        side: The square's side.
    """

    shift_x: float
    shift_y: float
    side: float


FER2013_CROP = Crop(shift_x=0.0, shift_y=-0.1, side=1.17)
"""Medians over 3,000 images of Training (bench/crop.py).

The crop is not turned, as FER2013's are not: half of its heads lean by more than some 5 degrees.
"""


def square(box: Box, crop: Crop) -> Box:
    """Give the square that the crop takes for a detector's box."""
    size = (box.width + box.height) / 2
    side = crop.side * size
    centre_x = box.left + box.width / 2 + crop.shift_x * size
    centre_y = box.top + box.height / 2 + crop.shift_y * size
    return Box(centre_x - side / 2, centre_y - side / 2, side, side)


def grey(image: np.ndarray) -> np.ndarray:
    """Give the luma of ITU-R BT.601, (299 R + 587 G + 114 B) / 1000, rounded with halves up.

    Whole numbers throughout: Python and TypeScript agree to the bit.

    Args:
        image: uint8 array (height, width, 3), RGB.

    Returns:
        uint8 array (height, width).
    """
    red, green, blue = np.moveaxis(image.astype(np.int32), -1, 0)
    return ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)


def axis_weights(start: float, length: float, cells: int, pixels: int, *, extend: bool) -> np.ndarray:
    """Give the share of each pixel in each of the equal cells that a stretch of one axis is cut into.

    Args:
        start: Where the stretch begins, in pixels.
        length: Its length in pixels, above 0.
        cells: Number of cells.
        pixels: Number of pixels along the axis.
        extend: Whether the first and the last pixel reach on for ever; otherwise nothing (0) lies outside.

    Returns:
        float64 array (cells, pixels): the part of the cell that the pixel covers. A row adds up to 1 where the
        cell lies inside, or if `extend`.
    """
    borders = start + length * np.arange(cells + 1) / cells
    lows, highs = np.arange(pixels, dtype=np.float64), np.arange(1, pixels + 1, dtype=np.float64)
    if extend:
        lows[0], highs[-1] = -np.inf, np.inf
    overlaps = np.minimum(borders[1:, None], highs) - np.maximum(borders[:-1, None], lows)
    return np.maximum(overlaps, 0) / (length / cells)


def area_average(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Give the mean of the image over each cell of a grid, down the columns first, then along the rows.

    Args:
        image: Array (height, width) of grey levels.
        rows: Weights (cells, height) from `axis_weights`.
        columns: Weights (cells, width) from `axis_weights`.

    Returns:
        float64 array (cells of rows, cells of columns).
    """
    used_rows, used_columns = rows.any(axis=0), columns.any(axis=0)
    return rows[:, used_rows] @ image[np.ix_(used_rows, used_columns)] @ columns[:, used_columns].T


def cut(image: np.ndarray, box: Box, crop: Crop = FER2013_CROP) -> np.ndarray:
    """Give the face as FER2013 would show it: the area average over 48 x 48 cells of the crop's square.

    Pixels outside the image take the value of the nearest pixel of its edge.
    A level is floor(mean + 0.5 + 1e-6), the mean summed in float64.

    Args:
        image: uint8 array (height, width), grey levels 0..255; see `grey`.
        box: The face's box from the detector.
        crop: Which square belongs to it.

    Returns:
        uint8 array (48, 48).

    Raises:
        ValueError: The image is not an array of grey levels, or the box is empty.
    """
    if image.ndim != 2 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"found an image {image.shape} {image.dtype}, expected grey levels (height, width) uint8")
    if not (np.isfinite(box).all() and box.width > 0 and box.height > 0):
        raise ValueError(f"found {box}, expected finite numbers and a width and height above 0")
    left, top, side, _ = square(box, crop)
    rows = axis_weights(top, side, SIDE, image.shape[0], extend=True)
    columns = axis_weights(left, side, SIDE, image.shape[1], extend=True)
    return np.floor(area_average(image, rows, columns) + 0.5 + TIE).astype(np.uint8)
