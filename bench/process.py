"""What a command costs as a whole process, its imports included."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """Wall seconds, CPU seconds of all threads and children, peak memory of the largest process in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def run(*words: str, cwd: Path, **environment: str) -> Cost:
    """Run `python -m <words>` and say what it cost.

    Raises:
        ChildProcessError: It failed; what it printed is in the message.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout
    printed = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise ChildProcessError(f"`{' '.join(words)}` failed: {printed[-2000:]}")
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
