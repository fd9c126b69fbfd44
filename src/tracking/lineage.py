"""Where a run came from: the commit and what differed from it, the versions, the machine, the data."""

from __future__ import annotations

import getpass
import os
import platform
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from src import paths
from src.config import parse_yaml
from src.tracking import machine

SOURCE_ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("keras", "tensorflow", "numpy", "opencv-python-headless", "mlflow", "dvc")
"""Those whose version is a tag; the run's artifact `lineage/packages.txt` lists all."""

FILES = (Path("dvc.lock"), paths.PARAMS)
"""What, beside the code, says how outputs were made. Not dvc.yaml: DVC would take the copy in the store for stages."""

TAGGED = (
    "data/raw/faces.npz",
    "data/processed/train.npz",
    "data/processed/val.npz",
    "data/processed/test.npz",
    "models/model.keras",
    "models/mobile",
)
"""Outputs whose md5 in dvc.lock is a tag; the run's artifact `lineage/dvc.lock` holds all."""

OWN = (":!dvc.lock",)
"""The pipeline itself is writing it."""

MOST_DIFFERENCES = 5


def tags() -> dict[str, str]:
    """Give the tags that say which code ran where, and by whom."""
    found = {
        "mlflow.user": getpass.getuser(),
        "mlflow.source.name": "src/train.py",
        "mlflow.source.type": "LOCAL",
        "platform": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "machine": machine.describe(),
    }
    commit = _git("rev-parse", "HEAD")
    if commit:
        found["mlflow.source.git.commit"] = commit.strip()
        found["git.dirty"] = str(bool(changes())).lower()
    if os.environ.get("DVC_EXP_NAME"):
        found["dvc.experiment"] = os.environ["DVC_EXP_NAME"]
    installed = packages()
    return found | {f"version.{name}": installed[name] for name in PACKAGES if name in installed}


def changes() -> str:
    """Give what the working tree holds beyond its commit, for `git apply`; files unknown to git are only named."""
    status = _git("status", "--porcelain", "--", ".", *OWN)
    if not status:
        return ""
    names = "".join(f"# {line}\n" for line in status.splitlines())
    return f"{names}{_git('diff', 'HEAD', '--', '.', *OWN)}"


def packages() -> dict[str, str]:
    """Give the version of every installed package."""
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
    usual = _flat(parse_yaml(_git("show", "HEAD:params.yaml") or "{}"))
    differing = [
        f"{key.split('.', 1)[1]} {f'{value:g}' if isinstance(value, float) else value}"
        for key, value in params.items()
        if usual and value != usual.get(key, key) and not key.startswith("data.") and key != "model.architecture"
    ]
    told = differing[:MOST_DIFFERENCES] + ["..."] * (len(differing) > MOST_DIFFERENCES)
    experiment = os.environ.get("DVC_EXP_NAME")
    return ", ".join([f"{experiment}: {name}" if experiment else name, *told])


def data_tags() -> dict[str, str]:
    """Give the md5 of data and model in the workspace's dvc.lock; nothing where there is none."""
    lock = FILES[0]
    stages = parse_yaml(lock.read_text(encoding="utf-8"))["stages"].values() if lock.exists() else ()
    outputs = {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", ()) if "md5" in out}
    return {f"md5.{Path(path).name}": outputs[path] for path in TAGGED if path in outputs}


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(values, dict):
        return {prefix: values}
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{prefix}.{key}" if prefix else key)
    return found


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=SOURCE_ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout
