"""fer2013.csv as a stream of bytes -> a checked table, and the faults of the rows that are not in it."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple, Protocol

import numpy as np

from src.faces.parse import COLUMNS, Block, parse_block, parse_row, shortened
from src.fer2013 import SIDE

BLOCK_BYTES = 2 << 20
MAX_REJECTED = 0.01
"""Share of wrong rows above which a source is taken for something else than FER2013."""
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)
"""What the standard library raises when an archive is cut off or holds wrong bytes."""


class Stream(Protocol):
    """Anything that reads bytes."""

    def read(self, size: int, /) -> bytes: ...


class Rejected(NamedTuple):
    """A row that is not in the table: its number in the source, from 1, and what is wrong with it."""

    row: int
    reason: str


class Table(NamedTuple):
    """What was read from one source.

    Attributes:
        images: uint8 array (n, 48, 48), grey levels.
        emotions: uint8 array (n,), index into `fer2013.EMOTIONS`.
        usages: uint8 array (n,), index into `fer2013.USAGES`.
        rows: int32 array (n,), number of the row in the source, from 1.
        rejected: Rows left out, in order.
    """

    images: np.ndarray
    emotions: np.ndarray
    usages: np.ndarray
    rows: np.ndarray
    rejected: list[Rejected]


def read_rows(stream: Stream, name: str) -> Table:
    """Read a whole CSV and check every row.

    Args:
        stream: The CSV, uncompressed.
        name: What messages call the file.

    Raises:
        ValueError: A wrong header, no rows, more than 1 % wrong rows, or an end in the middle of a row.
    """
    # glibc hands memory back after each block and faults it in again after that, unless it has seen a block this large
    # freed: mallopt(3), M_MMAP_THRESHOLD is dynamic. It saves a third of the time.
    np.empty((32 << 20) - 8192, np.uint8)
    blocks = _whole_lines(stream, name)
    header, _, first_lines = next(blocks, b"").partition(b"\n")
    columns = _columns(header, name)
    parsed: list[Block] = []
    good: list[np.ndarray] = []
    rejected: list[Rejected] = []
    rows_seen = 0
    for lines in chain([first_lines] if first_lines else [], blocks):
        block, faults = _parse(lines, columns, rows_seen + 1)
        rows_seen += len(block.good)
        if faults and not lines.endswith(b"\n"):
            raise ValueError(
                f"{name}: row {rows_seen}: {faults[-1].reason}, and the file ends there without a line end; "
                "expected whole rows: it is cut off, get it again"
            )
        parsed.append(block if block.good.all() else Block(*(values[block.good] for values in block)))
        good.append(block.good)
        rejected += faults
        if len(rejected) > max(1000, MAX_REJECTED * rows_seen):
            break
    check_share(name, sum(len(block.good) for block in parsed), rejected)
    pixels, emotions, usages, _ = (np.concatenate(arrays) for arrays in zip(*parsed, strict=True))
    rows = np.flatnonzero(np.concatenate(good)).astype(np.int32) + 1
    return Table(pixels.reshape(-1, SIDE, SIDE), emotions, usages, rows, rejected)


def check_share(name: str, accepted: int, rejected: list[Rejected]) -> None:
    """Refuse a source that has no rows or more than 1 % wrong ones.

    Raises:
        ValueError: It is refused; the message gives the first wrong row.
    """
    total = accepted + len(rejected)
    if not total:
        raise ValueError(f"{name}: found no rows, expected FER2013's 35,887; get the file again")
    if len(rejected) > MAX_REJECTED * total:
        raise ValueError(
            f"{name}: row {rejected[0].row}: {rejected[0].reason}; {len(rejected):,} of {total:,} rows are wrong, "
            f"expected at most {MAX_REJECTED:.0%}; is this FER2013? get it again"
        )


def _columns(header: bytes, name: str) -> tuple[str, ...]:
    text = header.removeprefix(b"\xef\xbb\xbf").decode("ascii", "backslashreplace").strip()
    columns = tuple(column.strip().strip('"').strip() for column in text.split(","))
    if sorted(columns) != sorted(COLUMNS):
        found = f"the header {shortened(text)}" if text else "nothing in the first line"
        raise ValueError(
            f"{name}: found {found}, expected the columns {', '.join(COLUMNS)} in any order; "
            "is this fer2013.csv or icml_face_data.csv?"
        )
    return columns


def _parse(lines: bytes, columns: tuple[str, ...], first_row: int) -> tuple[Block, list[Rejected]]:
    """Parse a block, then one by one the rows that the fast way left; blank lines are no rows and no fault."""
    block = parse_block(lines, columns)
    if block.good.all():
        return block, []
    rejected = []
    texts = lines.split(b"\n")
    for index in np.flatnonzero(~block.good):
        if texts[index].strip():
            try:
                block.pixels[index], block.emotions[index], block.usages[index] = parse_row(texts[index], columns)
                block.good[index] = True
            except ValueError as fault:
                rejected.append(Rejected(first_row + int(index), str(fault)))
    return block, rejected


def _whole_lines(stream: Stream, name: str) -> Iterator[bytes]:
    r"""Give the stream in blocks of whole lines, each line ending in "\n"; a last line that does not comes alone."""
    rest = b""
    row = -1  # the header
    while True:
        try:
            found = stream.read(BLOCK_BYTES)
        except DAMAGED as error:
            raise ValueError(
                f"{name}: row {max(row, 0)} is the last that can be read ({str(error) or type(error).__name__}), "
                "expected a whole file; it is cut off or damaged, get it again"
            ) from None
        if not found:
            break
        whole, newline, tail = found.rpartition(b"\n")
        if newline:
            block = rest + whole + newline
            if b"\r" in block:
                block = block.replace(b"\r\n", b"\n")
            row += block.count(b"\n")
            yield block
            rest = tail
        else:
            rest += tail
        if len(rest) > BLOCK_BYTES:
            raise ValueError(
                f"{name}: row {row + 1} has no end within {BLOCK_BYTES:,} bytes, expected a CSV; is it text?"
            )
    if rest:
        yield rest
