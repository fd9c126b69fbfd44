"""A checkpoint is of one training alone, and outlives whatever ends it before its time."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from modules import ROOT

from src import paths
from src.network import checkpoints
from src.network.checkpoints import Checkpoint, State


@pytest.mark.parametrize(("section", "passes"), [("export: {max_drop: 0.1}", True), ("train: {epochs: 9}", False)])
def test_what_is_asked_for_may_not_change_under_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, passes: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    paths.PARAMS.write_text("train: {epochs: 3}\nexport: {max_drop: 0.005}\n")
    with nullcontext() if passes else pytest.raises(ValueError, match="was changed while this trained"):  # noqa: SIM117
        with checkpoints.opened({}, checkpoints.ask("train")) as folder:
            name = section.partition(":")[0]
            kept = [line for line in paths.PARAMS.read_text().splitlines() if not line.startswith(name)]
            paths.PARAMS.write_text("\n".join([*kept, section]))
    assert folder.exists() is not passes


def test_what_is_asked_for_may_not_change_between_the_first_look_and_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths.PARAMS.write_text("train: {epochs: 3}\n")
    asked = checkpoints.ask("train")
    paths.PARAMS.write_text("train: {epochs: 9}\n")
    with pytest.raises(ValueError, match="was changed while this trained"), checkpoints.opened({}, asked):
        pass


def test_a_training_that_outlives_dvc_leaves_its_checkpoint_to_the_next(tmp_path: Path) -> None:
    code = "import os, time\nfrom src.network import checkpoints\nparent = os.getppid()\n"
    code += "with checkpoints.opened({}) as folder:\n    (folder / 'state.npz').touch()\n    print(flush=True)\n"
    code += "    while DIES and os.getppid() == parent:\n        time.sleep(0.05)\n"
    for dies in (True, False):
        told = code.replace("DIES", str(dies))
        process = subprocess.Popen(
            ["sh", "-c", '"$0" -c "$1"; exit', sys.executable, told],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        with process:
            assert process.stdout
            process.stdout.readline()
            if dies:
                process.kill()
            process.stdout.read()  # to the end of the training itself
        assert len(list(tmp_path.glob(".checkpoints/*/state.npz"))) == dies


def test_a_checkpoint_that_was_cut_off_is_none(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    checkpoints.save(tmp_path, Checkpoint(State(variables=[np.zeros(100)]), run_id="run"))
    whole = (tmp_path / "state.npz").read_bytes()
    for content in (whole[:200], b"", bytes(5000)):
        (tmp_path / "state.npz").write_bytes(content)
        assert checkpoints.load(tmp_path) is None
        assert "is damaged; the training begins anew" in capsys.readouterr().err
