"""Lines of fer2013.csv -> arrays, twice: whole blocks at once, and single rows with the reason why one is wrong.

`parse_block` accepts only the very layout of the data set, `parse_row` forgives quotes and spaces; a test proves that
they agree.
"""

from __future__ import annotations

import csv
from typing import NamedTuple

import numpy as np

from src.fer2013 import EMOTIONS, SIDE, USAGES

COLUMNS = ("emotion", "pixels", "Usage")
PIXELS = SIDE * SIDE

_CODES = {str(code): code for code in range(len(EMOTIONS))}
_GREY_LEVELS = {text: level for level in range(256) for text in (f"{level}", f"{level:02}", f"{level:03}")}


class Block(NamedTuple):
    """Consecutive lines, parsed; where `good` is false the values mean nothing.

    Attributes:
        pixels: uint8 array (lines, 2304).
        emotions: uint8 array (lines,), index into `fer2013.EMOTIONS`.
        usages: uint8 array (lines,), index into `fer2013.USAGES`.
        good: bool array (lines,).
    """

    pixels: np.ndarray
    emotions: np.ndarray
    usages: np.ndarray
    good: np.ndarray


def parse_block(lines: bytes, columns: tuple[str, ...]) -> Block:
    r"""Parse many lines at once, some 50 times faster than one by one.

    Args:
        lines: Whole lines, each ending in "\n"; only the last may lack it.
        columns: The three names of `COLUMNS` in the order of the file.
    """
    padded = np.frombuffer(b"000\n" + lines.removesuffix(b"\n") + b"\n", np.uint8)
    digits_padded = padded - ord("0")  # wraps around: whatever is no digit becomes 10 or more
    data, digits = padded[3:], digits_padded[3:]
    separators = np.flatnonzero(digits > 9)
    marks = data.take(separators)
    newlines, commas = np.flatnonzero(marks == ord("\n")), np.flatnonzero(marks == ord(","))
    count = len(newlines) - 1
    pixels, (emotions, usages) = np.zeros((count, PIXELS), np.uint8), np.zeros((2, count), np.uint8)
    block = Block(pixels, emotions, usages, np.zeros(count, bool))
    first_commas = np.searchsorted(commas, newlines)
    lines_of_three = np.flatnonzero(np.diff(first_commas) == 2)
    if not len(lines_of_three):
        return block
    # Each of the three fields of a line lies between two of these four; all count in `separators`, not in bytes.
    comma = first_commas[lines_of_three]
    edges = (newlines[lines_of_three], commas[comma], commas[comma + 1], newlines[lines_of_three + 1])
    fields = {column: edges[i : i + 2] for i, column in enumerate(columns)}
    codes, codes_good = _emotions(digits, *(separators[edge] for edge in fields["emotion"]))
    indices, indices_good = _usages(data, *(separators[edge] for edge in fields["Usage"]))
    levels, levels_good = _levels(digits_padded, separators)
    before, after = fields["pixels"]
    good = codes_good & indices_good & (after - before == PIXELS)
    good &= _all_between(levels_good, before, after) & _all_between(marks == ord(" "), before + 1, after)
    block.emotions[lines_of_three], block.usages[lines_of_three], block.good[lines_of_three] = codes, indices, good
    for line, begin in zip(lines_of_three[good].tolist(), before[good].tolist(), strict=True):
        block.pixels[line] = levels[begin : begin + PIXELS]
    return block


def _emotions(digits: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    codes = digits[before + 1]
    return codes, (after - before == 2) & (codes < len(EMOTIONS))


def _usages(data: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    usages = np.zeros(len(before), np.uint8)
    good = np.zeros(len(before), bool)
    for index, usage in enumerate(USAGES):
        same_length = np.flatnonzero(after - before == len(usage) + 1)
        found = data[before[same_length, None] + np.arange(1, len(usage) + 1)]
        same = same_length[(found == np.frombuffer(usage.encode(), np.uint8)).all(axis=1)]
        usages[same], good[same] = index, True
    return usages, good


def _levels(digits_padded: np.ndarray, separators: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Convert the number between each two neighbouring separators.

    Returns:
        uint8 array (separators - 1,), and where it is a number of one to three digits and at most 255.
    """
    ends = separators[1:]
    widths = ends - separators[:-1] - 1
    hundreds, tens, ones = (digits_padded[place:].take(ends) for place in range(3))  # the pad saves three subtractions
    below_100 = ones + tens * np.uint8(10) * (widths > 1)
    levels = below_100 + hundreds * np.uint8(100) * (widths > 2)  # wraps around above 255, which is not good
    over_255 = (hundreds > 2) | ((hundreds == 2) & (below_100 > 55))
    good = (widths > 0) & (widths < 4) & ~(over_255 & (widths == 3))
    return levels, good


def _all_between(flags: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    faults = np.flatnonzero(~flags)
    return np.searchsorted(faults, begins) == np.searchsorted(faults, ends)


def parse_row(line: bytes, columns: tuple[str, ...]) -> tuple[np.ndarray, int, int]:
    """Parse one line; quotes, and spaces around fields, are allowed.

    Returns:
        Pixels uint8 (2304,), code of the emotion, index of the usage.

    Raises:
        ValueError: The row is wrong; the message says what was found and what was expected.
    """
    text = line.decode("ascii", "backslashreplace").strip()
    try:
        fields = next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise ValueError(f"not a row of a CSV: {error}") from None
    if len(fields) != len(columns):
        raise ValueError(f"found {len(fields)} columns, expected {len(columns)}")
    emotion, pixels, usage = (fields[columns.index(column)].strip() for column in COLUMNS)
    if emotion not in _CODES:
        raise ValueError(f"emotion is {shortened(emotion)}, expected 0 to {len(EMOTIONS) - 1}")
    if usage not in USAGES:
        raise ValueError(f"Usage is {shortened(usage)}, expected {', '.join(USAGES)}")
    values = pixels.split()
    if len(values) != PIXELS:
        raise ValueError(f"found {len(values)} pixel values, expected {PIXELS}")
    levels = [_GREY_LEVELS.get(value, -1) for value in values]
    if -1 in levels:
        place = levels.index(-1)
        raise ValueError(f"pixel value {place + 1} is {shortened(values[place])}, expected 0 to 255")
    return np.array(levels, np.uint8), _CODES[emotion], USAGES.index(usage)


def shortened(text: str, length: int = 40) -> str:
    """Quote what was found, at a length that fits in a message."""
    return repr(text if len(text) <= length else f"{text[: length - 3]}...")
