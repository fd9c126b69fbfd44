"""Which modules of src import which, read from the code."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_DEPENDENCIES = ("src/cli.py", "src/config.py", "src/params.py", "src/paths.py", "src/tracking")
"""Left out of `deps:`: they can't change what a stage makes."""


def imports(path: Path) -> set[str]:
    """Give the full names that a file imports, wherever in it: `src.faces.splits`, `mlflow.entities`, `keras`, ..."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def file_of(module: str) -> Path | None:
    """Give the file of a module of src, None for anything else."""
    path = ROOT / (module.replace(".", "/") + ".py")
    return path if module.startswith("src.") and path.exists() else None


def dependencies(stage: str) -> list[str]:
    """Give the files of src that can change a stage's outputs: all that it imports, directly or not."""
    found: set[Path] = set()
    waiting = [ROOT / "src" / f"{stage}.py"]
    while waiting:
        path = waiting.pop()
        if path in found or path.relative_to(ROOT).as_posix().startswith(NOT_DEPENDENCIES):
            continue
        found.add(path)
        waiting += [file for name in imports(path) if (file := file_of(name))]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)
