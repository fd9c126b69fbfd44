"""What is timed in one run on this machine: `make bench`. The figure goes to bench/figure.png.

`bench.crop` and `bench.app` are run apart.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import psutil

from bench import claim, commands, growth, inference, pull, training
from bench.process import Cost
from src import cli
from src.faces.sources import VARIABLE


def draw(rates: dict[str, float], costs: dict[tuple[str, int], Cost]) -> None:
    """Draw images per second by network, and time and memory of the stages by the number of faces."""
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    left.barh(list(rates), list(rates.values()))
    left.invert_yaxis()
    left.set(title="Training at 48 pixels, without a teacher", xlabel="images per second")
    for stage in growth.STAGES:
        points = sorted((faces, cost) for (name, faces), cost in costs.items() if name == stage)
        counts = [faces for faces, _ in points]
        middle.plot(counts, [cost.wall_s for _, cost in points], marker="o", label=stage)
        right.plot(counts, [cost.peak_mib for _, cost in points], marker="o", label=stage)
    middle.set(title="Time of a stage", xlabel="faces", ylabel="seconds (train: one epoch, width 0.25)", xlim=0, ylim=0)
    right.set(title="Memory of a stage", xlabel="faces", ylabel="peak MiB", xlim=0, ylim=0)
    middle.legend()
    figure.savefig(Path(__file__).with_name("figure.png"), dpi=120)


def describe_machine() -> str:
    """Say which commit is measured, and on what machine."""
    try:
        commit = subprocess.check_output(["git", "describe", "--always", "--dirty"], text=True).strip()
    except (subprocess.CalledProcessError, FileNotFoundError):
        commit = "unknown"
    gib = psutil.virtual_memory().total / 2**30
    return (
        f"commit {commit}, {psutil.cpu_count()} CPUs, {gib:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def main() -> None:
    print(describe_machine(), flush=True)
    # Whole processes first: the peak memory of a process counts that of its parent, which TensorFlow makes large.
    pull.main()
    costs = growth.main()
    commands.main()
    draw(training.main(), costs)
    inference.main()
    if os.environ.get(VARIABLE):
        claim.main()
    else:
        print(f"{VARIABLE} names no file: the time to the seed's claim is not measured")


if __name__ == "__main__":
    cli.run(main)
