"""What a command costs as a whole process, its imports included."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.demo import ROOT

MAXRSS_IN_MIB = 2**20 if sys.platform == "darwin" else 2**10
"""getrusage counts in bytes there, and in kibibytes elsewhere."""


class Cost(NamedTuple):
    """Wall seconds, CPU seconds of all threads and children, peak memory of the largest process in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float

    def __str__(self) -> str:
        return f"{self.wall_s:7.2f} s wall {self.cpu_s:7.2f} s CPU {self.peak_mib:7.0f} MiB"


def run(*words: str, cwd: Path, **environment: str) -> Cost:
    """Run `python -m <words>` in a workspace that keeps its own store, and say what it cost.

    Raises:
        ChildProcessError: It failed; what it printed is in the message.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_"))}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=cwd,
        env=clean | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout
    with process.stdout as pipe:
        printed = pipe.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ChildProcessError(f"`{' '.join(words)}` failed: {printed[-2000:]}")
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / MAXRSS_IN_MIB)


def median(costs: list[Cost]) -> Cost:
    """Give the median of each figure."""
    return Cost(*(float(value) for value in np.median(costs, axis=0)))
