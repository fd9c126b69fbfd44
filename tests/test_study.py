"""The study without its trainings: budget, retries, pruning and seeds, in Optuna's and MLflow's real stores."""

import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from modules import ROOT
from parameters import PARAMS

from src import cli, paths, tune
from src.config import changed, flat, read_params
from src.fer2013 import Split
from src.network import checkpoints
from src.params import TeacherParams
from src.search import figures, winner, workers
from src.search.plan import read_plan
from src.search.study import MOST_DUPLICATES, Study, open_study, storage_errors
from src.search.trials import Search, end, record, records
from src.tracking import store, studies
from src.tracking.description import Description

pytest_plugins = ["registry_fixtures"]
LEARNING_RATE = {"type": "log_float", "low": 0.0001, "high": 0.1}
SPACE = {"train.learning_rate": LEARNING_RATE}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> Path:
    """Give a workspace without images, as the current folder."""
    monkeypatch.chdir(tmp_path)
    fixed = {"teacher": None, "train.epochs": 45, "model.dropout": 0.3}
    (tmp_path / "params.yaml").write_text(changed(PARAMS, fixed))
    shutil.copy(empty_store, tmp_path)
    (tmp_path / "src").symlink_to(ROOT / "src")
    summary = {
        "emotions": ["happy", "sad", "neutral"],
        "protocol": "official",
        "source": {"kind": "csv"},
        "digest": "d" * 64,
    }
    for folder in (paths.PROCESSED, paths.PROCESSED_TEACHER):
        paths.write_json(folder / "splits.json", summary)
    return tmp_path


def study_of(n_trials: int = 6, name: str = "test", **options: Any) -> Study:
    return open_study(read_plan(Namespace(n_trials=str(n_trials), **options)), name, None)


@pytest.fixture
def search(workspace: Path) -> Iterator[Search]:
    """Give a search whose trials are not trained: the tests say how each epoch went."""
    study = study_of()
    study.tidy()
    with tune.study_run(study, "test") as run, cli.progress(6, "test") as bar:
        yield Search(study, run, bar, timeout_s=60)


def epoch(accuracy: float) -> dict[str, float]:
    return {"loss": 1.0, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": accuracy, "learning_rate": 0.1}


def ends(study: Study) -> list[str]:
    return [end(trial) for trial in study.trials()]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            {"model.droput": LEARNING_RATE},
            "tune.space.model.droput: unknown parameter, expected one of model.",
        ),
        ({"data.protocol": LEARNING_RATE}, "tune.space.data.protocol: unknown parameter"),
        ({"model.dropout": {"type": "float", "low": 0.1, "high": 1.5}}, "would try what is refused: model.dropout: f"),
        ({"model.dropout": {"type": "float", "low": 0.9, "high": 0.1}}, "low must be less than high"),
        ({"model.dropout": {"type": "float", "low": 0.4, "high": 0.6}}, "expected it to hold today's 0.3"),
        ({"model.dropout": {"type": "log_float", "low": 0, "high": 0.6}}, "log_float needs a low above 0"),
        ({"train.batch_size": {"type": "float", "low": 16, "high": 65}}, "train.batch_size: found 16.0; Input should"),
        ({"train.growth.side": {"type": "int", "low": 16, "high": 40}}, "found 17; Input should be a multiple of 8"),
        ({"train.batch_size": {"type": "int", "low": 16.5, "high": 65}}, "int needs whole numbers"),
        ({"train.optimizer": {"type": "categorical", "choices": ["adam", "adma"]}}, "train.optimizer: found 'adma'"),
        ({"train.optimizer": {"type": "categorical", "low": 1}}, "categorical needs `choices`, and nothing else"),
        ({"train.epochs": {"type": "int", "low": 1, "high": 90}}, "set tune.epochs to null to search them"),
        (
            {"model.architecture": {"type": "categorical", "choices": ["resnet_flat", "dcnn"]}},
            "tune.space.model.architecture: found dcnn with train.growth on, expected another",
        ),
        ({}, "tune.space: found {}"),
    ],
)
def test_a_wrong_key_or_range_is_refused_before_anything_is_made(workspace: Path, space: dict, message: str):
    before = set(workspace.iterdir())
    with pytest.raises(ValueError, match="tune") as fault:
        tune.main(["--space", str(space)])
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)
    assert set(workspace.iterdir()) == before


@pytest.mark.usefixtures("workspace")
def test_a_search_over_architectures_goes_on_in_its_study_whichever_is_todays():
    space = str({"model.architecture": {"type": "categorical", "choices": ["resnet", "resnet_flat"]}})
    names = []
    for architecture in ("resnet", "resnet_flat"):
        paths.PARAMS.write_text(changed(paths.PARAMS.read_text(), {"model.architecture": architecture}))
        names.append(read_plan(Namespace(space=space)).name())
    assert names[0] == names[1]
    assert read_plan(Namespace()).name().startswith("resnet_flat-3-official-")


WIDTHS = {"type": "float", "low": 0.5, "high": 1.0}


@pytest.mark.usefixtures("workspace")
def test_splits_and_a_teacher_of_other_parameters_are_refused():
    paths.PARAMS.write_text(PARAMS)
    teacher = read_params(TeacherParams)
    for number in range(teacher.members):
        made = flat("model", teacher.model) | flat("train", teacher.train_of(number))
        run = Description("e", "teacher", made, {"data_digest": "d" * 64}, {}, {}, "s", "", {})
        paths.write_json(paths.teacher(number) / "run.json", {"run_id": f"r{number}", **run._asdict()})
    plan = read_plan(Namespace())
    assert plan.teacher_run == ", ".join(f"r{number}" for number in range(teacher.members))
    plan.demand_same_teacher()
    last = paths.teacher(teacher.members - 1) / "run.json"
    paths.write_json(last, {"run_id": "another", **run._asdict()})
    with pytest.raises(OSError, match="another, it was of r0, r1 when this search began"):
        plan.demand_same_teacher()
    for others, message in (
        (run._replace(tags={"data_digest": "e" * 64}), "made with data digest eee"),
        (run._replace(params=made | {"train.seed": 1}), "made with train.seed 1, expected 4"),
    ):
        paths.write_json(last, {"run_id": "r", **others._asdict()})
        with pytest.raises(ValueError, match=message):
            read_plan(Namespace())
    paths.write_json(last, {"run_id": "r", **run._asdict()})
    for name, other, message in (
        ("data.emotions", ["happy", "sad", "surprise"], "the splits are fer2013, official, happy, sad, neutral; "),
        ("data.source", "drawn", "params.yaml asks for drawn, official, happy, sad, neutral; "),
        (
            "model.width",
            0.5,
            "train.pretrained: found a resnet_flat of width 0.5, expected the network of its teacher, r",
        ),
        (
            "tune.space",
            {"model.width": WIDTHS},
            "tune.space.model.width would try what is refused: train.pretrained: fo",
        ),
        ("teacher.train.augmentation.zoom", 0.3, "made with train.augmentation.zoom 0.15, expected 0.3; run"),
        ("teacher.train.growth", None, r"made with train.growth\S* .*, expected"),
    ):
        paths.PARAMS.write_text(changed(PARAMS, {name: other}))
        with pytest.raises(ValueError, match=message):
            read_plan(Namespace())
    either = {"train.pretrained": {"type": "categorical", "choices": [False, True]}, "model.width": WIDTHS}
    paths.PARAMS.write_text(changed(PARAMS, {"train.pretrained": False, "tune.space": either}))
    with pytest.raises(ValueError, match=r"tune.space.train.pretrained with tune.space.model.width would try what is"):
        read_plan(Namespace())


def test_a_trial_runs_through_the_whole_schedule_in_fewer_epochs(workspace: Path):
    plan = read_plan(Namespace(epochs="9"))
    short, full = plan.job({"model.dropout": 0.1}), plan.job({"model.dropout": 0.1}, full=True)
    assert (short.train.epochs, short.train.warmup_epochs, short.share) == (9, 0.6, 0.5)  # of 45, 3 and all
    assert (full.train.epochs, full.train.warmup_epochs, full.share) == (45, 3, 1)
    assert short.model.dropout == full.model.dropout == 0.1


def test_the_command_for_an_experiment_holds_numbers_as_dvc_reads_them():
    values = {"train.learning_rate": 0.00012, "train.mixup": None, "train.optimizer": "sgd"}
    assert (
        winner.experiment(values)
        == "dvc exp run -S train.learning_rate=0.00012 -S train.mixup=null -S train.optimizer=sgd"
    )


OPTIMIZERS = ["muon", "adam", "nadam", "sgd"]
FEW = {
    "train.optimizer": {"type": "categorical", "choices": OPTIMIZERS},
    "train.batch_size": {"type": "int", "low": 63, "high": 64},
}
"""Eight points."""


@pytest.mark.parametrize("space", [{}, {"space": str(FEW)}], ids=["endless", "small"])
def test_a_search_that_was_killed_suggests_what_an_undisturbed_one_does(workspace: Path, space: dict):
    undisturbed, killed = study_of(name="undisturbed", **space), study_of(name="killed", **space)
    for study in (undisturbed, killed):
        study.tidy()
    values: dict[str, list] = {}
    for study, name in ((undisturbed, "undisturbed"), (killed, "killed")):
        given = 0
        while trial := study.ask():
            given += 1
            if name == "killed" and given in (1, 4):
                study.bury(trial.number, killed=True)
                study = study_of(name=name, **space)  # another process
                continue
            study.optuna.tell(trial, 0.5)
        values[name] = [trial.user_attrs["values"] for trial in study.counted()]
    assert values["undisturbed"][0] == undisturbed.plan.today
    assert len(values["killed"]) == 6
    assert values["killed"] == values["undisturbed"]


def test_todays_params_are_tried_as_they_stand_there_however_many_digits_they_have(workspace: Path):
    precise = changed(paths.PARAMS.read_text(), {"train.learning_rate": 0.0012345})
    paths.PARAMS.write_text(precise)
    study = study_of()
    study.tidy()
    assert study.plan.today["train.learning_rate"] == 0.0012345
    for _ in range(2):  # the second is the first's retry
        trial = study.ask()
        assert trial is not None
        assert trial.user_attrs["values"] == study.plan.today
        study.bury(trial.number, killed=True)


def test_a_trial_of_todays_params_that_was_killed_before_it_took_them_is_theirs_again(workspace: Path):
    study = study_of()
    study.tidy()
    study.bury(study.optuna.ask().number, killed=True)  # has no values yet, and no process
    again = study.ask()
    assert again is not None
    assert again.params == again.user_attrs["values"] == study.plan.today


def test_values_that_a_complete_trial_has_are_not_trained_again_and_cost_no_budget(workspace: Path):
    study = study_of(space=str(FEW))
    study.tidy()
    trained = []
    while trial := study.ask():
        trained.append(trial.user_attrs["values"])
        study.optuna.tell(trial, 0.5 + OPTIMIZERS.index(trained[-1]["train.optimizer"]) / 10)
    assert len(trained) == len({str(values) for values in trained}) == 6
    assert [trial.user_attrs["values"] for trial in study.counted()] == trained
    duplicates = study.duplicates()
    assert duplicates
    for duplicate in duplicates:
        twin = study.of(duplicate.user_attrs["values"])
        assert twin is not None
        assert twin in study.counted()
        assert (end(duplicate), duplicate.value) == ("duplicate", twin.value)
    assert len(records(study)) == 6
    table = figures.table(study)
    assert (table["end"] == "duplicate").sum() == len(duplicates)
    assert table["val accuracy"].tolist() == [trial.value for trial in study.trials()]
    assert f": 6 trials, 6 complete; {len(duplicates)} more had the values of a complete one" in tune.summary(study)


def test_a_search_ends_where_there_is_nothing_else_to_try(workspace: Path):
    space = {"train.optimizer": {"type": "categorical", "choices": ["muon"]}}
    for start in (1, 2):  # the second is given another chance: another sampler may find more
        study = study_of(space=str(space), sampler="random")
        study.tidy()
        while trial := study.ask():
            study.optuna.tell(trial, 0.5)
        assert study.ask() is None
        assert (len(study.counted()), len(study.duplicates())) == (1, start * MOST_DUPLICATES)
    assert "there seems to be nothing else to try" in tune.summary(study)
    figures.draw(study, workspace)


def test_a_killed_trial_is_tried_again_once_and_counts_once(search: Search):
    study = search.study
    for _ in range(2):
        trial = search.next()
        assert trial is not None
        trial.on_epoch(epoch(0.4))
        trial.on_end(workers.DIED, "its process ended with status -9")
    assert [trial.user_attrs["values"] for trial in study.trials()] == [study.plan.today] * 2
    assert ends(study) == ["killed", "killed"]
    assert len(study.counted()) == 1
    while trial := search.next():
        trial.on_epoch(epoch(0.4))
        trial.on_end(workers.COMPLETE, "")
    assert ends(study) == ["killed"] * 2 + ["complete"] * 5


def test_a_stopped_trial_is_tried_again_however_often(search: Search):
    for _ in range(3):
        trial = search.next()
        assert trial is not None
        trial.on_end(workers.STOPPED, "the search was stopped")
    assert len(search.study.trials()) == 4
    assert search.study.counted() == []


def test_a_failed_trial_costs_that_trial(search: Search):
    first = search.next()
    assert first is not None
    first.on_end(workers.FAILED, "FloatingPointError: loss became nan")
    assert ends(search.study) == ["failed"]
    assert len(search.study.counted()) == 1
    assert search.next() is not None


def test_todays_params_are_tried_again_by_the_next_start_after_they_failed(search: Search):
    study = search.study
    first = search.next()
    assert first is not None
    first.on_end(workers.FAILED, "MemoryError")
    for _ in range(2):
        study.tidy()
    assert [trial.user_attrs["values"] for trial in study.trials()] == [study.plan.today] * 2
    again = search.next()
    assert again is not None
    again.on_epoch(epoch(0.4))
    again.on_end(workers.COMPLETE, "")
    assert study.of(study.plan.today) is not None
    study.tidy()
    assert ends(study) == ["failed", "complete"]


def test_a_trial_that_another_machine_ended_while_this_one_slept_is_dropped(search: Search):
    slept, ended = search.next(), search.next()
    assert slept is not None
    assert ended is not None
    slept.on_epoch(epoch(0.4))
    for trial in (slept, ended):
        search.study.bury(trial.asked.number, killed=True)  # the other machine
    search.signed -= 3600
    search.tick()
    assert slept.on_epoch(epoch(0.5)), "an answer that ends the training"
    for trial in (slept, ended):
        trial.on_end(workers.COMPLETE, "")
    again = search.next()
    assert again is not None
    assert again.asked.user_attrs["values"] == slept.asked.user_attrs["values"]
    assert ends(search.study) == ["killed", "killed", "", ""]
    assert search.study.trials()[0].user_attrs["history"] == [epoch(0.4)]


def test_the_median_prunes_a_bad_trial_but_never_todays_params(search: Search):
    today, bad, *good = (search.next() for _ in range(6))
    assert today is not None
    assert bad is not None
    for trial in good:
        assert trial is not None
        for accuracy in (0.6, 0.7, 0.8):
            assert not trial.on_epoch(epoch(accuracy))
        trial.on_end(workers.COMPLETE, "")
    assert [bad.on_epoch(epoch(0.1)) for _ in range(2)] == [False, True]  # a quarter of 8 epochs is everybody's
    bad.on_end(workers.COMPLETE, "")
    assert [today.on_epoch(epoch(0.1)) for _ in range(4)] == [False] * 4
    assert ends(search.study)[:2] == ["", "pruned"]


def test_runs_in_mlflow_follow_the_study_even_where_the_store_went_away_meanwhile(search: Search):
    complete, lost, failed, killed = (search.next() for _ in range(4))
    for trial in (complete, lost, failed, killed):
        assert trial is not None
        search.run.lost = trial is lost
        trial.on_epoch(epoch(0.4))
        trial.on_epoch(epoch(0.3))
        how = {failed: workers.FAILED, killed: workers.DIED}.get(trial, workers.COMPLETE)
        trial.on_end(how, "why" if how != workers.COMPLETE else "")
    search.run.complete([record(search.study.plan, trial) for trial in search.study.trials()[:4]])

    client, nested = store.connect(), {}
    for run in client.search_runs(["1"], f"tags.`mlflow.parentRunId` = '{search.run.id}'"):
        nested[run.info.run_name] = run
        assert [metric.step for metric in client.get_metric_history(run.info.run_id, "val/accuracy")] == [1, 2]
    assert {name: (run.info.status, run.data.tags["end"]) for name, run in nested.items()} == {
        "trial 0": ("FINISHED", "complete"),
        "trial 1": ("FINISHED", "complete"),
        "trial 2": ("FAILED", "failed"),
        "trial 3": ("KILLED", "killed"),
    }
    assert nested["trial 0"].data.metrics[studies.BEST] == 0.4
    assert nested["trial 0"].data.params["train.learning_rate"] == str(search.study.plan.train.learning_rate)
    assert nested["trial 2"].data.tags["reason"] == "why"


def test_a_training_in_full_that_was_killed_goes_on_in_its_run(search: Search):
    trial = search.next()
    assert trial is not None
    code = """
import sys
from argparse import Namespace
from src.search import winner
from src.search.plan import read_plan
from src.search.study import open_study
from src.tracking import store, studies
study = open_study(read_plan(Namespace(n_trials="6")), "test", None)
run = studies.StudyRun(store.connect(), sys.argv[1])
winner.FullTraining(study, run, study.trials()[0], print).on_epoch(dict.fromkeys(
    ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"), 0.5))
"""
    subprocess.run([sys.executable, "-c", code, search.run.id], check=True)
    client, mine = store.connect(), f"tags.`mlflow.parentRunId` = '{search.run.id}'"

    def statuses() -> dict[str, str]:
        return {run.info.run_name: run.info.status for run in client.search_runs(["1"], mine)}

    assert statuses() == {"trial 0": "RUNNING", "trial 0 in full": "RUNNING"}
    with tune.study_run(search.study, "test") as run:
        assert statuses() == {"trial 0": "RUNNING", "trial 0 in full": "KILLED"}
        again = winner.FullTraining(search.study, run, search.study.trials()[0], print)
        assert statuses() == {"trial 0": "RUNNING", "trial 0 in full": "RUNNING"}
        again.on_epoch(epoch(0.5))
        again.on_end(workers.COMPLETE, "")
    full = [run for run in client.search_runs(["1"], mine) if run.info.run_name == "trial 0 in full"]
    assert [(run.info.status, run.data.tags["end"]) for run in full] == [("FINISHED", "complete")]
    assert [metric.step for metric in client.get_metric_history(full[0].info.run_id, "val/accuracy")] == [1]


def test_a_training_in_full_that_ended_while_the_store_was_away_is_made_good(search: Search):
    trial = search.next()
    assert trial is not None
    full = winner.FullTraining(search.study, search.run, search.study.trials()[0], print)
    search.run.lost = True
    full.on_epoch(epoch(0.5))
    full.on_end(workers.COMPLETE, "")
    again = studies.StudyRun(search.run.client, search.run.id)  # of another process
    again.complete(records(search.study))
    run = again.client.get_run(again.run_id("trial 0 in full"))
    assert (run.info.status, run.data.tags["end"], run.data.metrics[studies.BEST]) == ("FINISHED", "complete", 0.5)


def test_a_search_ends_with_the_trainings_in_full_in_mlflow_though_the_store_was_away_meanwhile(
    search: Search, faces: tuple[Split, Split]
):
    accuracies = iter(range(50, 100))

    class Pool(workers.Pool):
        """One whose trainings the test tells of: each is better than the one before."""

        def run(self, source: Callable[[], workers.Training | None], tick: Callable[[], None] = lambda: None) -> None:
            while training := source():
                search.run.lost = isinstance(training, winner.FullTraining)
                training.on_epoch(epoch(next(accuracies) / 100))
                training.on_end(workers.COMPLETE, "")

    options = Namespace(timeout=60, apply=True, promote=False)
    tune.search(search.study, search.run, Pool(1, *faces, ("happy", "sad", "neutral"), teacher=None), options)
    for number in (0, 5):
        run = store.connect().get_run(search.run.run_id(f"trial {number} in full"))
        assert (run.info.status, run.data.tags["end"]) == ("FINISHED", "complete")


def test_a_study_is_not_gone_on_with_under_other_settings(workspace: Path):
    study_of()
    study_of(n_trials=9, pruner="none", sampler="random")  # these may change
    with pytest.raises(ValueError, match=r"begun with tune\.epochs = 8, found 3; .* choose another --name"):
        study_of(epochs="3")


def test_a_search_by_other_code_or_on_another_platform_is_another_study(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    platform = {"backend": "tensorflow", "precision": "float32"}
    plan = read_plan(Namespace())._replace(platform=platform)
    name = plan.name()
    open_study(plan, "test", None)
    for key, other in (("backend", "jax"), ("precision", "mixed_bfloat16")):
        elsewhere = plan._replace(platform=platform | {key: other})
        assert elsewhere.name() != name
        with pytest.raises(ValueError, match=rf"begun with {key} = {platform[key]}, found {other}; .* another --name"):
            open_study(elsewhere, "test", None)
    code = [Path(shutil.copy(path, workspace / f"{number}.py")) for number, path in enumerate(checkpoints.CODE)]
    monkeypatch.setattr(checkpoints, "CODE", code)
    assert plan.name() == name
    with code[0].open("a") as file:
        file.write("# changed\n")
    assert plan.name() != name
    with pytest.raises(ValueError, match=r"begun with code digest = "):
        open_study(plan, "test", None)


def test_a_winner_that_does_not_beat_todays_at_full_budget_is_refused(search: Search, faces: tuple[Split, Split]):
    for accuracy in (0.5, 0.6):
        trial = search.next()
        assert trial is not None
        trial.on_epoch(epoch(accuracy))
        trial.on_end(workers.COMPLETE, "")
    before = paths.PARAMS.read_text()
    pool = workers.Pool(
        1, *faces, ("happy", "sad", "neutral"), teacher=None
    )  # has nothing to train: both results are known
    for number in (0, 1):
        search.study.keep_in_full(number, [epoch(0.8)])
    with pytest.raises(ValueError, match=r"trial 1 has val accuracy 0\.8000 at full budget, which does not beat"):
        winner.apply(search.study, search.run, pool, print)
    assert paths.PARAMS.read_text() == before

    search.study.keep_in_full(1, [epoch(0.81), epoch(0.7)])
    paths.PARAMS.write_text(changed(before, {"train.batch_size": 7}))
    with pytest.raises(ValueError, match=r"train\.batch_size is 7, it was 64 when this search began"):
        winner.apply(search.study, search.run, pool, print)
    paths.PARAMS.write_text(before)
    assert "val accuracy 0.8100, was 0.8000" in winner.apply(search.study, search.run, pool, print)
    rate = search.study.trials()[1].user_attrs["values"]["train.learning_rate"]
    assert f"learning_rate: {rate}" in paths.PARAMS.read_text()
    assert "val accuracy 0.8100" in winner.apply(search.study, search.run, pool, print), "another process was quicker"


def test_trainings_in_full_need_no_complete_trial_of_todays_params(search: Search, faces: tuple[Split, Split]):
    for accuracy, how in ((0.5, workers.FAILED), (0.6, workers.COMPLETE)):
        trial = search.next()
        assert trial is not None
        trial.on_epoch(epoch(accuracy))
        trial.on_end(how, "MemoryError")
    pool = workers.Pool(1, *faces, ("happy", "sad", "neutral"), teacher=None)
    for number, accuracy in ((0, 0.8), (1, 0.81)):
        search.study.keep_in_full(number, [epoch(accuracy)])
    assert "val accuracy 0.8100, was 0.8000" in winner.apply(search.study, search.run, pool, print)


def test_a_sampler_whose_package_is_missing_names_it(workspace: Path):
    with pytest.raises(ValueError, match=r"found gp, which needs the package torch"):
        study_of(sampler="gp")


@pytest.mark.parametrize(
    ("sampler", "pruner", "names"),
    [
        ("tpe", "hyperband", ["TPESampler", "HyperbandPruner"]),
        ("random", "median", ["RandomSampler", "MedianPruner"]),
        ("qmc", "none", ["QMCSampler", "NopPruner"]),
    ],
)
def test_every_sampler_and_pruner_that_is_here_searches(workspace: Path, sampler: str, pruner: str, names: list[str]):
    study = study_of(sampler=sampler, pruner=pruner)
    assert [type(each).__name__ for each in (study.optuna.sampler, study.optuna.pruner)] == names
    study.tidy()
    while trial := study.ask():
        trial.report(0.5, 1)
        trial.should_prune()
        study.optuna.tell(trial, 0.5)
    rates = {trial.user_attrs["values"]["train.learning_rate"] for trial in study.counted()}
    assert len(rates) == 6


def test_a_search_without_a_complete_trial_says_how_the_last_one_ended(search: Search):
    trial = search.next()
    assert trial is not None
    trial.on_end(workers.FAILED, "FloatingPointError: loss became nan")
    with pytest.raises(ValueError, match=r"no trial is complete\. trial 0 .* failed: no epoch, FloatingPointError"):
        tune.summary(search.study)


def test_processes_that_ask_at_once_keep_to_the_budget_and_no_trial_goes_out_twice(workspace: Path):
    code = """
from argparse import Namespace
from src.search.plan import read_plan
from src.search.study import open_study
study = open_study(read_plan(Namespace(n_trials="8", sampler="random")), "shared", None)
study.tidy()
print("ready", flush=True)
input()
while trial := study.ask():
    print(trial.number)
    study.optuna.tell(trial, 0.5)
"""
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    numbers = [process.communicate()[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(int(number) for each in numbers for number in each) == list(range(8))
    storage = f"sqlite:///{workspace}/tune.db"
    assert len(optuna.load_study(study_name="shared", storage=storage).trials) == 8


def test_a_process_that_cannot_load_its_backend_is_an_error(
    faces: tuple[Split, Split], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KERAS_BACKEND", "absent")
    with (
        workers.Pool(1, *faces, ("happy", "sad", "neutral"), teacher=None) as pool,
        pytest.raises(ChildProcessError, match=r"ended with status 1 .* is KERAS_BACKEND installed"),
    ):
        pool.platform("auto")


def test_a_share_of_train_holds_every_emotion_and_the_same_faces_each_time(faces: tuple[Split, Split]):
    part = workers.share_of(faces[0], 0.25)
    assert len(part.labels) == 60
    assert set(part.labels.tolist()) == {0, 1, 2}
    assert (workers.share_of(faces[0], 0.25).images == part.images).all()


def test_a_study_in_a_storage_that_does_not_answer_is_one_line(workspace: Path):
    with pytest.raises(OSError, match="/dev/null") as fault, storage_errors():
        open_study(read_plan(Namespace()), "test", "sqlite:////dev/null/tune.db")
    assert "\n" not in str(fault.value)


def test_without_the_splits_the_error_says_how_to_make_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "params.yaml").write_text(PARAMS)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="run `dvc repro preprocess`"):
        tune.main([])
