"""Put a bundle in place of another, all of it or nothing."""

from __future__ import annotations

import ctypes
import glob
import json
import os
import shutil
import stat
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from src.tracking import bundle

NOTE = "deployed.json"
"""Says which version lies there; beside the manifest, which holds no version."""


LEFTOVER_S = 3600


def read_note(target: Path) -> dict[str, Any] | None:
    """Give what `replace` noted in a folder; None where it did not, or the note can't be read."""
    try:
        note = json.loads((target / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and {"name", "version"} <= note.keys() else None


def demand_replaceable(target: Path) -> None:
    """Check that replacing this folder loses nothing but a bundle.

    Raises:
        ValueError: It holds other files.
        NotADirectoryError: It is a file.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise NotADirectoryError(f"{target} is a file or a link, expected a folder; choose another by --to")
    others = {path.name for path in target.iterdir()} - {*bundle.FILES, NOTE} if target.exists() else set()
    if others:
        raise ValueError(
            f"{target} holds {min(others)}, which belongs to no bundle; --to replaces the folder, choose another"
        )


def replace(source: Path, target: Path, note: dict[str, Any]) -> None:
    """Copy a bundle beside `target`, verify it there, and swap the two.

    Args:
        source: Folder of the bundle.
        target: Folder to replace, or to make.
        note: What `deployed.json` says.

    Raises:
        ValueError: The bundle does not pass `bundle.verify`.
        OSError: The place can't be written.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}-deploying-"
    for leftover in target.parent.glob(f"{glob.escape(prefix)}*"):  # of a process that was killed
        with suppress(FileNotFoundError):  # or of one that has just ended
            if time.time() - leftover.stat().st_mtime > LEFTOVER_S:
                shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent, ignore_cleanup_errors=True) as beside:
        draft = Path(beside) / "draft"
        draft.mkdir()
        for name in bundle.FILES:
            _write(draft / name, (source / name).read_bytes())
        try:
            bundle.verify(draft)
        except ValueError as error:
            raise ValueError(f"{error}; {target} stays as it was".replace(str(draft), "the fetched bundle")) from None
        _write(draft / NOTE, (json.dumps(note, indent=2) + "\n").encode())
        if target.exists():
            _allow_as(target.stat(), draft)
        if not target.exists():
            draft.rename(target)
        elif not _exchange(draft, target):
            old = Path(beside) / "old"
            try:
                target.rename(old)
                draft.rename(target)
            except BaseException:  # also Ctrl-C: the folder `beside` goes away with what is in it
                if old.exists() and not target.exists():
                    old.rename(target)
                raise


def _allow_as(found: os.stat_result, draft: Path) -> None:
    """Let those read and write a folder who may read and write another, as far as this process can say so."""
    mode = stat.S_IMODE(found.st_mode)
    for path in (*draft.iterdir(), draft):
        for owner in (found.st_uid, -1):  # only root gives files away; to a group of its own anybody may
            with suppress(OSError):
                os.chown(path, owner, found.st_gid)
        path.chmod(mode if path == draft else mode & 0o666)  # last, as a change of owner takes bits away


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one step, so that no moment is without; False where the system can't."""
    at_cwd, exchange = -100, 2  # linux/fcntl.h, linux/fs.h
    swap = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    return swap is not None and swap(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), exchange) == 0
