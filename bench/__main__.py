"""What is timed in one run on this machine: `make bench`. The figure goes to bench/figure.png.

`bench.crop` and `bench.app` are run apart.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from bench import claim, commands, growth, inference, pull, training
from bench.process import Cost


def draw(rates: dict[str, float], costs: dict[tuple[str, int], Cost]) -> None:
    """Draw images per second by network, and time and memory by the number of faces."""
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    left.barh(list(rates), list(rates.values()))
    left.invert_yaxis()
    left.set(title="Training", xlabel="images per second")
    for stage in growth.STAGES:
        points = sorted((faces, cost) for (name, faces), cost in costs.items() if name == stage)
        counts = [faces for faces, _ in points]
        middle.plot(counts, [cost.wall_s for _, cost in points], marker="o", label=stage)
        right.plot(counts, [cost.peak_mib for _, cost in points], marker="o", label=stage)
    middle.set(title="Time of a stage", xlabel="faces", ylabel="seconds (train: one epoch)", xlim=0, ylim=0)
    right.set(title="Memory of a stage", xlabel="faces", ylabel="peak MiB", xlim=0, ylim=0)
    middle.legend()
    figure.savefig(Path(__file__).with_name("figure.png"), dpi=120)


def main() -> None:
    commit = subprocess.check_output(["git", "describe", "--always", "--dirty"], text=True).strip()
    print(f"commit {commit}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}", flush=True)
    if os.environ.get("FER2013_SOURCE"):
        pull.main()
    else:
        print("FER2013_SOURCE names no file: neither pull nor the time to the seed's claim is measured")
    # Whole processes first: the peak memory of a process counts that of its parent, which TensorFlow makes large.
    costs = growth.main()
    commands.main()
    rates = training.main()
    inference.main()
    draw(rates, costs)
    if os.environ.get("FER2013_SOURCE"):
        claim.main()


if __name__ == "__main__":
    main()
