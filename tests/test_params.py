import re
from argparse import ArgumentParser
from pathlib import Path

import pytest
from parameters import PARAMS

from src.config import add_options, changed, flat, read_params
from src.params import DataParams, ExportParams, ModelParams, TeacherParams, TrainParams


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text(PARAMS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(workspace: Path, old: str, new: str) -> None:
    assert old in PARAMS
    (workspace / "params.yaml").write_text(PARAMS.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dropout:", "droput:", "unknown key 'model.droput', expected one of architecture, width, dropout"),
        ("  dropout: 0.1", "", "key 'model.dropout' is missing"),
        ("dropout: 0.1", "dropout: high", "model.dropout: found 'high'"),
        ("dropout: 0.1", "dropout: 1.0", "model.dropout: found 1.0"),
        (
            "architecture: resnet_flat",
            "architecture: vgg",
            "model.architecture: found 'vgg'; Input should be 'dcnn', 'resnet' or",
        ),
        ("model:", "modle:", "unknown section 'modle', expected data, model, train"),
        ("model:", "model: [", "params.yaml is not YAML"),
    ],
)
def test_a_fault_in_params_yaml_is_named_with_what_was_expected(workspace: Path, old: str, new: str, message: str):
    write(workspace, old, new)
    with pytest.raises(ValueError, match=r"params\.yaml") as fault:
        read_params(ModelParams)
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("content", ["5", "data", "- {a: 1}"])
def test_a_params_yaml_without_sections_is_refused(workspace: Path, content: str):
    (workspace / "params.yaml").write_text(content)
    with pytest.raises(ValueError, match=r"params\.yaml: found .*, expected the sections data, model, train"):
        read_params(DataParams)


def test_a_fault_in_a_nested_key_is_named_in_full(workspace: Path):
    write(workspace, "zoom: 0.15", "zom: 0.15")
    with pytest.raises(ValueError, match=r"unknown key 'train\.augmentation\.zom', expected one of rotation, shift"):
        read_params(TrainParams)


@pytest.mark.parametrize(
    ("emotions", "message"),
    [("[happy]", "at least two"), ("[happy, happy]", "two different"), ("[happy, joy]", "unknown emotion 'joy'")],
)
def test_emotions_that_make_no_classifier_are_refused(workspace: Path, emotions: str, message: str):
    write(workspace, "[happy, sad, neutral]", emotions)
    with pytest.raises(ValueError, match=message):
        read_params(DataParams)


def test_emotions_follow_the_codes_of_fer2013_whatever_their_order(workspace: Path):
    write(workspace, "[happy, sad, neutral]", "[neutral, angry, happy]")
    assert read_params(DataParams).emotions == ("angry", "happy", "neutral")


def test_an_exponent_is_a_number_as_it_is_to_dvc(workspace: Path):
    write(workspace, "learning_rate: 0.01", "learning_rate: 2e-3")
    assert read_params(TrainParams).learning_rate == 0.002


def test_every_member_of_the_teacher_has_a_seed(workspace: Path):
    path = workspace / "params.yaml"
    path.write_text(changed(PARAMS, {"teacher.train.seed": 2**32 - 1}))
    with pytest.raises(ValueError, match=r"train.seed: found 4294967295, expected at most 2\^32 - members"):
        read_params(TeacherParams)
    path.write_text(changed(PARAMS, {"teacher.train.seed": 2**32 - 2}))
    assert read_params(TeacherParams).train_of(1).seed == 2**32 - 1


def test_dcnn_is_no_teacher(workspace: Path):
    write(workspace, "model: {architecture: resnet_flat", "model: {architecture: dcnn")
    with pytest.raises(
        ValueError, match=r"teacher.model: found .*dcnn takes images of one side alone, expected resnet"
    ):
        read_params(TeacherParams)


def test_an_option_replaces_the_value_of_the_file(workspace: Path):
    parser = ArgumentParser()
    add_options(parser, ModelParams, TrainParams)
    options = parser.parse_args(["--learning_rate", "1e-4", "--dropout", "0.5"])
    assert read_params(TrainParams, options).learning_rate == 0.0001
    assert read_params(ModelParams, options).dropout == 0.5
    assert read_params(TrainParams, options).epochs == read_params(TrainParams).epochs


def test_every_value_has_its_name_in_params_yaml(workspace: Path):
    assert flat("export", read_params(ExportParams)) == {"export.max_drop": 0.005}
    assert flat("train", read_params(TrainParams))["train.augmentation.rotation"] == 15


def test_changing_a_value_keeps_comments_and_order():
    expected = re.sub(r"(\ntrain:.*?\n  epochs: )\d+", r"\g<1>3", PARAMS, count=1, flags=re.DOTALL)
    expected = expected.replace("zoom: 0.15", "zoom: 0.5", 1)
    assert changed(PARAMS, {"train.epochs": 3, "train.augmentation.zoom": 0.5}) == expected != PARAMS


def test_changing_a_value_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match=r"no key 'train\.epoch'"):
        changed(PARAMS, {"train.epoch": 3})


def test_outside_a_workspace_the_error_says_where_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"go to the folder with dvc\.yaml"):
        read_params(DataParams)
