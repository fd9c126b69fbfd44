"""Where a run came from: the commit, the machine, the versions, the data."""

from __future__ import annotations

import getpass
import os
import platform
import socket
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

SOURCE_ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("keras", "tensorflow", "numpy", "opencv-python-headless", "mlflow", "dvc")


def tags() -> dict[str, str]:
    """Give the tags that say which code ran where, and by whom."""
    found = {
        "mlflow.user": getpass.getuser(),
        "mlflow.source.name": "src/train.py",
        "mlflow.source.type": "LOCAL",
        "platform": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }
    commit = _git("rev-parse", "HEAD")
    if commit:
        found["mlflow.source.git.commit"] = commit
        changes = _git("status", "--porcelain", "--", ".", ":!dvc.lock")  # which the pipeline itself is writing
        found["git.dirty"] = str(bool(changes)).lower()
    for package in PACKAGES:
        try:
            found[f"version.{package}"] = version(package)
        except PackageNotFoundError:
            continue
    return found


def host() -> str:
    """Give the name of this machine."""
    return socket.gethostname()


def process_tags() -> dict[str, str]:
    """Name this machine and this process, `<pid>@<start in epoch seconds>`, as no later process of it will be named."""
    return {"host": host(), "process": f"{os.getpid()}@{psutil.Process().create_time():.2f}"}


def is_alive(name: str) -> bool:
    """Say whether the process of this name, as `process_tags` gave it on this machine, still runs."""
    pid, _, started = name.partition("@")
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" == started
    except (psutil.NoSuchProcess, ValueError):
        return False


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=SOURCE_ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
