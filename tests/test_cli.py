"""What every command does alike: errors in one line, files replaced whole, interrupts passed on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from modules import ROOT
from processes import ended, wait_until

from src import paths

CALLER = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever runs these tests may ignore them
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from src import cli
cli.run(lambda: cli.call("dvc", "repro"))
"""
STAGE = """
import time
from pathlib import Path
Path("begun").touch()
try:
    time.sleep(120)
except KeyboardInterrupt:
    time.sleep(1)
    Path("closed").touch()
    raise
"""


@pytest.mark.parametrize(
    ("imported", "remedy"),
    [
        ("boto3", "activate .venv, or install the requirements"),
        ("keras", "install it, or choose another backend by KERAS_BACKEND"),
    ],
)
def test_a_package_that_is_not_installed_is_one_line(imported: str, remedy: str) -> None:
    missing = "import sys; sys.modules.update(torch=None, boto3=None)"
    code = f"{missing}; from src import cli; cli.run(lambda: __import__({imported!r}))"
    environment = os.environ | {"KERAS_BACKEND": "torch"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(f"; {remedy}\n")
    assert done.stderr.count("\n") == 1


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe is no file"):
        paths.write_json(tmp_path / "pipe", {})
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_ends_dvc_and_its_stage_and_waits_for_both(tmp_path: Path, sent: signal.Signals, status: int):
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "dvc.yaml").write_text(f"stages: {{stage: {{cmd: {sys.executable} stage.py}}}}")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet", "--no-scm"], cwd=tmp_path, check=True)
    command, environment = [sys.executable, "-c", CALLER], os.environ | {"PYTHONPATH": str(ROOT)}
    with ended() as started, (tmp_path / "log.txt").open("w") as log:
        caller = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
        started.append(caller)
        wait_until((tmp_path / "begun").exists, caller, tmp_path)
        below = psutil.Process(caller.pid).children(recursive=True)
        caller.send_signal(sent)
        assert caller.wait() == status
        left = [process for process in below if process.is_running()]
        for process in left:
            process.kill()
    assert left == []
    assert (tmp_path / "closed").exists()
