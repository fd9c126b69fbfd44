"""Two runs on the same test faces: counted by hand, from MLflow's real store."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src import compare, paths
from src.evaluate import predictions_table
from src.faces import splits
from src.faces.drawn import draw
from src.fer2013 import Split
from src.report import faces_apart
from src.report.paired import Disagreement
from src.tracking import runs, store

pytest_plugins = ["registry_fixtures"]
EMOTIONS = ("happy", "sad")
TRUE = np.repeat([0, 1], [8, 4])
FIRST = np.array([0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1])  # 6 of 8 happy, 3 of 4 sad
SECOND = np.array([0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1])  # 2 of 8 happy, 4 of 4 sad
IMAGES = draw(12, seed=1)[0][..., None]


def sure(predicted: np.ndarray, probability: float = 0.9) -> np.ndarray:
    return np.where(predicted[:, None] == np.arange(2), probability, 1 - probability)


def log_run(
    name: str, predicted: np.ndarray, digest: str, rows: np.ndarray | None = None, run_id: str | None = None
) -> str:
    """Make a run as `train` and `evaluate` leave it, or evaluate one anew."""
    description = runs.Description(
        experiment="fer-emotion", name=name, params={}, tags={}, lineage={}, source="drawn",
        datasets={"val": ("v" * 64, 6), "test": (digest, len(TRUE))}, changes="", packages={},
    )  # fmt: skip
    table = predictions_table(
        np.arange(12) if rows is None else rows, TRUE, EMOTIONS, tflite=sure(predicted), keras=sure(TRUE)
    )
    paths.REPORTS.mkdir(exist_ok=True)
    table.to_csv(paths.REPORTS / "predictions.csv", index=False)
    known = run_id or f"{name}-{predicted.sum()}"
    return runs.send(known, description, [], {}, {}, {}, {"reports": [paths.REPORTS / "predictions.csv"]})


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> str:
    """Give the digest of the test split of a workspace with an empty store, as the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("mlflow.db").write_bytes(empty_store.read_bytes())
    paths.PROCESSED.mkdir(parents=True)
    np.savez(paths.PROCESSED / "test.npz", images=IMAGES, labels=TRUE)
    return splits.digest(Split(IMAGES, TRUE), EMOTIONS)


def test_the_table_counts_who_alone_is_right_for_every_emotion():
    table = Disagreement(TRUE, sure(FIRST), sure(SECOND)).by_emotion(EMOTIONS)
    counts = table[["images", "only_first", "only_second"]].to_dict("index")
    assert counts["all"] == {"images": 12, "only_first": 5, "only_second": 2}
    assert counts["happy"] == {"images": 8, "only_first": 5, "only_second": 1}
    assert counts["sad"] == {"images": 4, "only_first": 0, "only_second": 1}
    assert table["first"].tolist() == [9 / 12, 6 / 8, 3 / 4]
    assert table["second"].tolist() == [6 / 12, 2 / 8, 4 / 4]
    # two sides of 7, 6 and 1 tosses of a coin
    assert table["p"].tolist() == pytest.approx([2 * (1 + 7 + 21) / 2**7, 2 * (1 + 6) / 2**6, 1])


def test_the_surest_error_of_the_other_comes_first():
    second = sure(SECOND, 0.6)
    second[3] = 0.2, 0.8
    assert Disagreement(TRUE, sure(FIRST), second).only(0).tolist() == [3, 1, 2, 4, 5]


def test_the_picture_shows_the_faces_that_only_one_is_right_about():
    found = Disagreement(TRUE, sure(FIRST), sure(SECOND))
    figure = faces_apart.draw(found, found.by_emotion(EMOTIONS), EMOTIONS, ("one", "two"), IMAGES)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == ["happy,\nnot sad"] * 5 + ["happy,\nnot sad", "sad,\nnot happy"]
    assert np.array_equal(np.asarray(shown[0].images[0].get_array()), IMAGES[1, ..., 0])


def test_two_runs_are_compared_by_name_and_id_and_drawn(digest: str, capsys: pytest.CaptureFixture):
    log_run("one", FIRST, digest)
    second = log_run("two", SECOND, digest)
    compare.main(["one", second, "--out", "apart.png", "--csv", "apart.csv"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["all", "12", "0.7500", "0.5000", "5", "2", "0.45"] in lines
    assert lines[-1][-3:] == ["not", "told", "apart"]
    assert Path("apart.png").stat().st_size > 10_000
    table = pd.read_csv("apart.csv")
    assert table["row"].tolist() == [1, 2, 3, 4, 5, 7, 8]
    assert table[second].tolist() == ["sad"] * 5 + ["happy", "sad"]


def test_a_run_is_found_by_its_dvc_experiment(digest: str, capsys: pytest.CaptureFixture):
    log_run("one", FIRST, digest)
    client = store.connect()
    client.set_tag(log_run("wider", SECOND, digest), "dvc.experiment", "wide")
    client.create_run("1", tags={"dvc.experiment": "wide"}, run_name="its teacher")
    compare.main(["one", "wide"])
    assert ["all", "12", "0.7500", "0.5000", "5", "2", "0.45"] in map(str.split, capsys.readouterr().out.splitlines())
    with pytest.raises(ValueError, match="found no single run 'narrow'"):
        compare.main(["one", "narrow"])


def test_versions_of_one_run_are_found_by_number_and_alias_each_with_its_own_answers(
    digest: str, capsys: pytest.CaptureFixture
):
    client = store.connect()
    client.create_registered_model("fer-emotion")
    for number, answers in (("1", FIRST), ("2", SECOND)):  # exported anew and evaluated anew, in the same run
        run_id = log_run("one", TRUE, digest)
        log_run("one", answers, digest, run_id=run_id)
        client.log_artifacts(run_id, str(paths.REPORTS), f"model-{number}/evidence/reports")
        source = f"{client.get_run(run_id).info.artifact_uri}/model-{number}"
        client.create_model_version("fer-emotion", source, run_id, tags={"test_digest": digest})
    client.set_registered_model_alias("fer-emotion", "champion", "1")
    compare.main(["fer-emotion@champion", "fer-emotion/2"])
    printed = capsys.readouterr().out
    assert f"fer-emotion@champion ({run_id[:8]})" in printed
    assert ["all", "12", "0.7500", "0.5000", "5", "2", "0.45"] in [line.split() for line in printed.splitlines()]


def test_without_the_faces_of_this_test_split_the_picture_has_none_and_says_so(
    digest: str, capsys: pytest.CaptureFixture
):
    for name, predicted in (("one", FIRST), ("two", SECOND)):
        log_run(name, predicted, "e" * 64)
    compare.main(["one", "two", "--out", "apart.png"])
    assert "apart.png shows no faces" in capsys.readouterr().out
    assert Path("apart.png").exists()


def test_runs_on_different_test_data_are_refused(digest: str):
    log_run("one", FIRST, digest)
    log_run("digest", SECOND, "e" * 64)
    log_run("rows", SECOND, digest, rows=np.arange(1, 13))
    for other in ("digest", "rows"):
        with pytest.raises(ValueError, match="choose two runs on the same test split"):
            compare.main(["one", other, "--out", "apart.png"])
    assert not Path("apart.png").exists()


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("nobody", "found no single run 'nobody'"),
        ("o'brien", "found no single run"),
        ("f" * 32, "found no single run"),
        ("twice", "2 have this name: "),
        ("fer-emotion/7", "fer-emotion has no version 7"),
        ("fer-emotion@best", "name a version by its number, or by champion or candidate"),
        ("training", "training has no reports/predictions.csv"),
    ],
)
def test_a_run_that_cant_be_compared_is_named_in_one_line(digest: str, run: str, message: str):
    for predicted in (FIRST, SECOND):
        log_run("twice", predicted, digest)
    client = store.connect()
    client.create_run("1", run_name="training")
    with pytest.raises(ValueError, match=r"found|has no") as fault:
        compare.main([run, run])
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_picture_of_no_known_kind_is_refused_before_anything_is_asked(capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        compare.main(["one", "two", "--out", "apart.doc"])
    assert "expected .pdf, .png, .svg" in capsys.readouterr().err
