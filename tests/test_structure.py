"""The project's names, dependencies and rooms agree with one another, wherever they are written."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from modules import ROOT, dependencies, imports
from ruamel.yaml import YAML

from src.network import checkpoints
from src.params import SECTIONS

ROOMS = ("faces", "network", "report", "search", "tracking")
COMMANDS = sorted(path.stem for path in (ROOT / "src").glob("*.py") if "def main(" in path.read_text())
HEAVY = ("tensorflow", "keras", "mlflow", "jax", "optuna", "matplotlib", "sklearn")


def read_yaml(name: str) -> dict:
    return YAML(typ="safe", pure=True).load(ROOT / name)


STAGES = read_yaml("dvc.yaml")["stages"]


def test_a_stage_has_one_name_and_one_command_in_dvc_yaml_src_and_mlproject():
    entry_points = read_yaml("MLproject")["entry_points"]
    assert "dvc repro" in entry_points.pop("main")["command"]
    assert {name: point["command"] for name, point in entry_points.items()} == {
        name: stage["cmd"] for name, stage in STAGES.items()
    }
    assert {stage["cmd"] for stage in STAGES.values()} == {f"python -m src.{name}" for name in STAGES}
    assert set(STAGES) <= set(COMMANDS)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_modules_that_can_change_its_outputs(stage: str):
    listed = [name for name in STAGES[stage]["deps"] if name.startswith("src/")]
    assert sorted(listed) == dependencies(stage)


def test_a_checkpoint_is_of_the_code_that_dvc_asks_the_training_about():
    listed = {name for stage in ("teacher", "train") for name in STAGES[stage]["deps"] if name.endswith(".py")}
    assert {path.relative_to(ROOT).as_posix() for path in checkpoints.CODE} == listed


def test_every_section_of_params_yaml_has_its_class_and_every_parameter_of_a_stage_stands_there():
    sections = read_yaml("params.yaml")
    assert list(sections) == list(SECTIONS)
    for stage in STAGES.values():
        for name in stage.get("params", []):
            section, _, key = name.partition(".")
            assert not key or key in sections[section]


@pytest.mark.parametrize("path", sorted((ROOT / "src").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_keep_to_themselves(path: Path):
    found = imports(path)
    room = path.parent.name if path.parent.name in ROOMS else None
    of_src = {name.split(".")[1] for name in found if name.startswith("src.")}
    if room:
        assert not of_src & set(COMMANDS), "rooms don't import commands"
    if room in ("faces", "network", "report"):
        assert not of_src & (set(ROOMS) - {room}), "these rooms share only facts"
    packages = {name.split(".")[0] for name in found}
    assert "mlflow" not in packages or room == "tracking"
    assert "optuna" not in packages or room == "search"
    known = ("conversion.py", "normalization.py")  # the second asks for the backend first
    assert "tensorflow" not in packages or path.name in known, "training code imports only keras"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_only_explains_itself_pays_for_nothing_heavy(command: str):
    code = f"""
import sys, src.{command}
try:
    src.{command}.main(["--help"])
except SystemExit:
    print([name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage:")
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_the_locked_requirements_are_hashed_and_hold_no_addresses(name: str):
    text = (ROOT / name).read_text()
    pinned = re.findall(r"^[\w.\[\]-]+==\S+", text, re.MULTILINE)
    assert len(pinned) > 50
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "://" not in text
    assert "index-url" not in text


def test_who_sets_up_for_the_tests_has_what_the_stages_need():
    run, dev = (
        set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.txt", "requirements-dev.txt")
    )
    assert run < dev


README = (ROOT / "README.md").read_text()
TREE = re.findall(r"^([\w./]+\.?\w*)  +\S", README.split("## What lies where")[1].split("```")[1], re.MULTILINE)


def test_every_path_in_the_readme_is_there_and_every_command_and_room_stands_in_it():
    assert [name for name in TREE if not (ROOT / name).exists()] == []
    assert {f"src/{command}.py" for command in COMMANDS} <= set(TREE)
    assert {f"src/{room}/" for room in ROOMS} <= set(TREE)


def test_every_command_in_the_readme_exists():
    assert set(re.findall(r"python -m src\.(\w+)", README)) <= set(COMMANDS)
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake (\w+)", README)) <= targets | {"all"}


def test_the_committed_champion_is_the_one_that_the_docs_tell_of():
    manifest = json.loads((ROOT / "app/public/model/manifest.json").read_text())
    shown = json.loads((ROOT / "docs/native-apps.md").read_text().split("```json")[1].split("```")[0])
    assert shown == {name: manifest[name] for name in shown}
    assert f"**{100 * manifest['metrics']['test/accuracy']:.1f} %**" in README
    assert f"{manifest['files']['emotion.tflite']['bytes']:,}" in README
