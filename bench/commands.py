"""Time what people wait for: `dvc repro` with nothing to do, and `--help` of each command.

`python -m bench.commands`
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench import process
from src import cli
from src.demo import ROOT, SHORT, call, make_workspace

REPEATS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        make_workspace(workspace, SHORT | {"data.drawn_images": 700, "train.epochs": 1, "model.width": 0.25})
        call(workspace, "dvc", "repro", "--quiet")
        print_median("dvc repro, nothing changed, 700 drawn faces", workspace, "dvc", "repro")
        for path in sorted((ROOT / "src").glob("*.py")):
            if "def main(" in path.read_text(encoding="utf-8"):
                print_median(f"{path.stem} --help", workspace, f"src.{path.stem}", "--help")


def print_median(name: str, workspace: Path, *words: str) -> None:
    """Run a command again and again, and print its median wall seconds."""
    cost = process.median([process.run(*words, cwd=workspace) for _ in range(REPEATS)])
    print(f"commands  {name:45} {cost.wall_s:6.2f} s", flush=True)


if __name__ == "__main__":
    cli.run(main)
