"""Time the parsing of fer2013.csv, this project's way and the seed's, each in a process of its own.

FER2013_SOURCE names the file; an archive is unpacked to a temporary file first. `python -m bench.pull`
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RUNS = 3


def ours(path: Path) -> tuple[int, ...]:
    from src.faces.rows import read_rows
    from src.faces.sources import open_csv

    with open_csv(path) as stream:
        return read_rows(stream, stream.name).images.shape


def seed(path: Path) -> tuple[int, ...]:
    import numpy as np
    import pandas as pd

    faces: Any = pd.read_csv(path)
    images = faces.pixels.apply(lambda pixels: np.array(pixels.split(" ")).reshape(48, 48, 1).astype("float32"))
    return np.stack(list(images), axis=0).shape


WAYS = {"ours": ours, "seed": seed}


def measure(way: str, path: Path) -> None:
    """Print wall seconds, CPU seconds, peak MiB and number of images, imports included."""
    start = time.perf_counter()
    shape = WAYS[way](path)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, shape[0])


def main() -> None:
    from src.faces.sources import find, open_csv

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fer2013.csv")
        with open_csv(find(Path(os.environ["FER2013_SOURCE"]))) as stream, path.open("wb") as unpacked:
            while block := stream.read(1 << 20):
                unpacked.write(block)
        best: dict[str, list[float]] = {}
        for run in range(RUNS):
            for way in WAYS:
                command = [sys.executable, "-m", "bench.pull", way, str(path)]
                wall, cpu, peak, images = map(float, subprocess.check_output(command, text=True).split())
                print(f"run {run} {way}: {wall:6.2f} s wall {cpu:6.2f} s CPU {peak:6.0f} MiB peak {images:,.0f} images")
                before = best.get(way, [wall, cpu])
                best[way] = [min(before[0], wall), min(before[1], cpu)]
    wall, cpu = (slow / fast for slow, fast in zip(best["seed"], best["ours"], strict=True))
    print(f"the seed's way takes {wall:.1f} times the wall and {cpu:.1f} times the CPU seconds (least of {RUNS} runs)")


if __name__ == "__main__":
    measure(sys.argv[1], Path(sys.argv[2])) if len(sys.argv) > 1 else main()
