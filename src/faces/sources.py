"""Find FER2013 where it is said to be, and open it: a CSV, an archive that holds one, a folder."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from src.faces.rows import DAMAGED, Stream
from src.fer2013 import EMOTIONS

VARIABLE = "FER2013_SOURCE"
CSV_NAMES = ("fer2013.csv", "icml_face_data.csv")
SUFFIXES = (".csv", ".csv.gz", ".csv.xz", ".zip", ".tar.gz", ".tgz")
FILE_NAMES = (
    *CSV_NAMES,
    *(f"{stem}{end}" for end in SUFFIXES[1:] for stem in ("fer2013", "icml_face_data", "archive")),
)
"""What is looked for in a folder, best first; Kaggle's own download button makes an `archive.zip`."""
MAX_BYTES = 2 << 30
"""Most bytes that a file may unpack to; fer2013.csv has 0.3e9."""


class Csv:
    """The bytes of a CSV, whatever it is packed in, counted and digested as they are read.

    Attributes:
        name: File, and member where it is an archive, for messages.
        size: Bytes read so far, uncompressed.
        md5: Digest of them.
    """

    def __init__(self, stream: Stream, name: str, limit: int) -> None:
        self.name = name
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._stream = stream
        self._limit = limit

    def read(self, size: int, /) -> bytes:
        found = self._stream.read(size)
        self.size += len(found)
        if self.size > self._limit:
            raise ValueError(
                f"{self.name}: unpacks to over {self._limit:,} bytes, expected fer2013.csv; do not trust it"
            )
        self.md5.update(found)
        return found


def find(where: Path) -> Path:
    """Give the file to read, or the folder that holds `train` and `test` with a picture per face.

    Args:
        where: A file, or a folder with one of these somewhere below.

    Raises:
        FileNotFoundError: There is nothing there.
        ValueError: What is there is not FER2013 in a layout that can be read.
    """
    if where.is_file():
        if where.name.lower().endswith(SUFFIXES):
            return where
        raise ValueError(
            f"{where}: found a {where.suffix or 'nameless'} file, expected {', '.join(SUFFIXES)} or a folder"
        )
    if not where.is_dir():
        raise FileNotFoundError(
            f"{where}: nothing there, expected FER2013; correct {VARIABLE} or unset it to ask Kaggle"
        )
    files: list[Path] = []
    pictures: list[Path] = []
    for folder, folders, names in os.walk(where):
        folders[:] = sorted(name for name in folders if name != "__MACOSX")  # no pictures are in it, only their names
        files += [Path(folder, name) for name in names if name in FILE_NAMES]
        if {"train", "test"} <= set(folders):
            pictures.append(Path(folder))
    files.sort(key=lambda path: (FILE_NAMES.index(path.name), len(path.parts), path))
    unpacked = [folder for folder in pictures if any((folder / "train" / name).is_dir() for name in EMOTIONS)]
    if unpacked and (not files or files[0].name.startswith("archive")):
        return unpacked[0]
    if files:
        return files[0]
    if pictures:
        return pictures[0]
    raise ValueError(
        f"{where}: found neither {' nor '.join(CSV_NAMES)} (plain or packed) nor the folders train and test below it, "
        f"expected FER2013; correct {VARIABLE}"
    )


@contextmanager
def open_csv(path: Path, limit: int = MAX_BYTES) -> Iterator[Csv]:
    """Open a CSV, also inside an archive: one member is read as a stream, nothing is unpacked to disk.

    Args:
        path: A file with one of `SUFFIXES`.
        limit: Most bytes that may come out, by count and not by what the archive claims.

    Raises:
        ValueError: It is no such archive, is damaged, or holds no FER2013.
    """
    from tqdm import tqdm

    suffix = next(end for end in SUFFIXES if path.name.lower().endswith(end))
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        bar: dict[str, Any] = {
            "total": path.stat().st_size,
            "desc": path.name,
            "unit": "B",
            "unit_scale": True,
            "disable": None,
        }
        raw: Any = stack.enter_context(tqdm.wrapattr(file, "read", **bar))
        try:
            if suffix == ".zip":
                name, stream = _zip_member(stack.enter_context(zipfile.ZipFile(raw)), path)
            elif suffix in (".tar.gz", ".tgz"):
                # Members before the one wanted are unpacked too, so the limit holds for the archive as well.
                unpacked: Any = Csv(gzip.GzipFile(fileobj=raw), str(path), limit)
                archive = tarfile.open(fileobj=unpacked, mode="r|", bufsize=1 << 20)  # noqa: SIM115
                name, stream = _tar_member(stack.enter_context(archive), path)
            else:
                unpackers: dict[str, Any] = {".csv": lambda packed: packed, ".csv.gz": gzip.open, ".csv.xz": lzma.open}
                name, stream = str(path), unpackers[suffix](raw)
        except (*DAMAGED, NotImplementedError, RuntimeError) as error:
            raise ValueError(
                f"{path}: cannot be opened as {suffix} ({error or type(error).__name__}), expected a whole archive "
                "without password; get it again, or unpack it yourself"
            ) from None
        yield Csv(stream, name, limit)


def _zip_member(archive: zipfile.ZipFile, path: Path) -> tuple[str, Stream]:
    members = [
        member
        for member in archive.infolist()
        if PurePosixPath(member.filename).name in CSV_NAMES
        and not member.is_dir()
        and not stat.S_ISLNK(member.external_attr >> 16)
    ]
    if not members:
        raise _nothing_in(path)
    best = min(members, key=lambda member: (CSV_NAMES.index(PurePosixPath(member.filename).name), member.filename))
    if best.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        raise NotImplementedError("bzip2")  # zipfile unpacks all of its input at once: 4 KB can become 4 GB
    return f"{path}:{best.filename}", archive.open(best)


def _tar_member(archive: tarfile.TarFile, path: Path) -> tuple[str, Stream]:
    for member in archive:
        if member.isreg() and PurePosixPath(member.name).name in CSV_NAMES:
            stream = archive.extractfile(member)
            if stream:
                return f"{path}:{member.name}", stream
    raise _nothing_in(path)


def _nothing_in(path: Path) -> ValueError:
    return ValueError(
        f"{path}: found no {' or '.join(CSV_NAMES)} in it, expected one; if it holds pictures, unpack it and set "
        f"{VARIABLE} to the folder"
    )
