"""Time what people wait for: `dvc repro` with nothing to do, and `--help` of each command.

`python -m bench.commands`
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from bench.process import run
from src.demo import ROOT, SHORT, call, make_workspace

REPEATS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        make_workspace(workspace, SHORT | {"data.drawn_images": 700, "train.epochs": 1, "model.width": 0.25})
        call(workspace, "dvc", "repro", "--quiet")
        again = [run("dvc", "repro", cwd=workspace).wall_s for _ in range(REPEATS)]
        print(f"commands  {'dvc repro, nothing changed':30} {np.median(again):6.2f} s", flush=True)
        for path in sorted((ROOT / "src").glob("*.py")):
            if "def main(" in path.read_text(encoding="utf-8"):
                costs = [run(f"src.{path.stem}", "--help", cwd=workspace).wall_s for _ in range(REPEATS)]
                print(f"commands  {path.stem + ' --help':30} {np.median(costs):6.2f} s", flush=True)


if __name__ == "__main__":
    main()
