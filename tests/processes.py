"""Processes that tests start: the moment to interfere, what they wrote by then, and an end to what is left of them."""

import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil


@contextmanager
def ended() -> Iterator[list[subprocess.Popen]]:
    """Give a list to put processes on, and end those that are left when the block ends."""
    started: list[subprocess.Popen] = []
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def wait_until(
    moment: Callable[[], object], process: subprocess.Popen | psutil.Popen, workspace: Path, every_s: float = 0.05
) -> None:
    """Wait for a moment in the life of a process, looking every so often; it must not end before."""
    deadline = time.monotonic() + 240
    while not moment():
        assert process.poll() is None, (workspace / "log.txt").read_text()
        assert time.monotonic() < deadline, f"after 240 s: {(workspace / 'log.txt').read_text()}"
        time.sleep(every_s)


def query(workspace: Path, sql: str, database: str = "mlflow.db") -> list[tuple]:
    """Ask a store of the workspace; no store yet is no rows."""
    try:
        with closing(sqlite3.connect(f"file:{workspace}/{database}?mode=ro", uri=True)) as store:
            return store.execute(sql).fetchall()
    except sqlite3.OperationalError:
        return []
