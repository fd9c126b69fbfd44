"""Where a run came from: the commit and what differed from it, the versions, the machine, the data."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NamedTuple

from src import paths
from src.config import changed, flattened, parse_yaml, read_sections
from src.tracking import machine

SOURCE_ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("keras", "tensorflow", "numpy", "opencv-python-headless", "mlflow", "dvc")
"""Those whose version is a tag; the run's artifact `lineage/packages.txt` lists all."""

LOCK = Path("dvc.lock")

TAGGED = (
    "data/raw/faces.npz",
    "data/processed/train.npz",
    "data/processed/val.npz",
    "data/processed/test.npz",
    "models/model.keras",
    "models/mobile",
)
"""Outputs whose md5 in dvc.lock is a tag; the run's artifact `lineage/dvc.lock` holds all."""

OWN = (":!dvc.lock", ":!.dvc/config", ":!app/public/model", ":!lineage")
"""No result rests on these: what the pipeline, `deploy` and a version's way back write, and where remotes are, with
credentials."""

DIFF = ("-c", "diff.noprefix=false", "diff", "--binary", "--no-ext-diff", "--no-color")
"""What `git apply` understands, whatever the user's settings."""

MOST_DIFFERENCES = 5


class Code(NamedTuple):
    """Which code ran.

    Attributes:
        commit: None outside a git repository.
        changes: What the working tree held beyond the commit: `changes()`.
    """

    commit: str | None
    changes: str


def code() -> Code:
    """Say which code runs here."""
    commit = _git("rev-parse", "HEAD")
    return Code(commit and commit.strip(), changes() if commit else "")


def tags(source: str = "src/train.py") -> dict[str, str]:
    """Give the tags that say which code ran where, and by whom."""
    found = {
        "mlflow.user": _user(),
        "mlflow.source.name": source,
        "mlflow.source.type": "LOCAL",
        "platform": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "machine": machine.describe(),
    }
    commit, changed_since = code()
    if commit:
        found["mlflow.source.git.commit"] = commit
        found["git.dirty"] = str(bool(changed_since)).lower()
    if os.environ.get("DVC_EXP_NAME"):
        found["dvc.experiment"] = os.environ["DVC_EXP_NAME"]
    installed = packages()
    return found | {f"version.{name}": installed[name] for name in PACKAGES if name in installed}


def changes() -> str:
    """Give what the working tree holds beyond its commit, for `git apply`; of files unknown to git only the code."""
    status = _git("status", "--porcelain", "--untracked-files=normal", "--", ".", *OWN)
    if not status:
        return ""
    names = "".join(f"# {line}\n" for line in status.splitlines())
    new = (_git("ls-files", "--others", "--exclude-standard", "-z", "--", "src/*.py") or "").split("\0")
    added = [_git(*DIFF, "--no-index", "--", os.devnull, name, statuses=(1,)) or "" for name in new if name]
    return names + "".join([_git(*DIFF, "HEAD", "--", ".", *OWN) or "", *added])


@cache
def packages() -> dict[str, str]:
    """Give the version of every installed package; reading them all takes a while."""
    found = {distribution.name.lower(): distribution.version for distribution in distributions()}
    return dict(sorted(found.items()))


def run_name(params: dict[str, Any]) -> str:
    """Name a run by what it is and what differs from the committed params.yaml.

    Args:
        params: Every value under its name in params.yaml.

    Returns:
        `resnet-3-official, learning_rate 0.01`; under `dvc exp run` with the experiment's name before it.
    """
    name = f"{params['model.architecture']}-{len(params['data.emotions'])}-{params['data.protocol']}"
    usual = flattened(parse_yaml(_git("show", "HEAD:./params.yaml") or "{}"))
    differing = [
        f"{key.split('.', 1)[1]} {f'{value:g}' if isinstance(value, float) else value}"
        for key, value in params.items()
        if usual and value != usual.get(key, key) and not key.startswith("data.") and key != "model.architecture"
    ]
    teacher = read_sections()["teacher"]
    if usual and flattened(teacher, "teacher") != _section("teacher", usual):
        differing.append("another teacher" if teacher else "no teacher")
    told = differing[:MOST_DIFFERENCES] + ["..."] * (len(differing) > MOST_DIFFERENCES)
    experiment = os.environ.get("DVC_EXP_NAME")
    return ", ".join([f"{experiment}: {name}" if experiment else name, *told])


def settings(names: Iterable[str]) -> dict[str, Any]:
    """Give the values of these sections of params.yaml under their whole names; `{name: None}` of one that is null."""
    sections = read_sections()
    return {key: value for name in names for key, value in _section(name, sections).items()}


def files(params: dict[str, Any], folder: Path) -> list[Path]:
    """Give what, beside the code, says how the outputs were made: params.yaml, and dvc.lock where it tells of them.

    Not dvc.yaml: DVC would take the copy in the store for stages.

    Args:
        params: The run's own, which the command line may have changed.
        folder: Where to write a params.yaml with them.
    """
    text = paths.PARAMS.read_text(encoding="utf-8")
    now = parse_yaml(text)
    own = {
        f"{section}.{key}": value
        for section, values in _nested(params).items()
        for key, value in values.items()
        if now[section][key] != value
    }
    (folder / paths.PARAMS.name).write_text(changed(text, own) if own else text, encoding="utf-8")
    return [folder / paths.PARAMS.name, *([LOCK] if data_tags() else [])]


def data_tags() -> dict[str, str]:
    """Give the md5 of data and model, as in the workspace's dvc.lock.

    Nothing where there is no lock, or where a file is not the one that it names: a stage that was run by hand.
    """
    locked_stages = (parse_yaml(LOCK.read_text(encoding="utf-8")) or {}).get("stages") if LOCK.exists() else None
    stages = (locked_stages or {}).values()
    outputs = {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", ()) if "md5" in out}
    locked = {path: outputs[path] for path in TAGGED if path in outputs}
    here = {path: _md5(Path(path)) for path in locked if Path(path).exists()}
    if any(here[path] != locked[path] for path in here):
        return {}
    return {f"md5.{Path(path).name}": md5 for path, md5 in locked.items()}


def _md5(path: Path) -> str:
    """Give the md5 of a file, or that of a folder as DVC takes it, with `.dir` behind."""
    if path.is_file():
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    inside = sorted(file for file in path.rglob("*") if file.is_file())
    listed = [{"md5": _md5(file), "relpath": file.relative_to(path).as_posix()} for file in inside]
    return hashlib.md5(json.dumps(listed).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _section(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Give the values of one section under their whole names; `{name: None}` if it is null.

    Args:
        name: Of the section.
        values: Sections, or already flat values.
    """
    return {key: value for key, value in flattened(values).items() if key == name or key.startswith(f"{name}.")}


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    """Give `{"train": {"seed": 1}}` of `{"train.seed": 1}`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        *parents, key = name.split(".")
        target = found
        for parent in parents:
            target = target.setdefault(parent, {})
        target[key] = value
    return found


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return str(os.getuid())


def _git(*words: str, statuses: tuple[int, ...] = (0,)) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=SOURCE_ROOT, capture_output=True)
    except OSError:
        return None
    return done.stdout.decode(errors="replace") if done.returncode in statuses else None
