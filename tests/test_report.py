"""The two reports on drawn faces: what is chosen, what is counted, and that the pages are whole."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from src.faces.drawn import draw
from src.fer2013 import EMOTIONS, SIDE
from src.report import data, data_report, gallery, metrics, model_report, page, reliability, robustness
from src.report.data import Data
from src.report.gallery import Answers

NAMES = ("happy", "sad", "neutral")


@pytest.fixture(scope="module")
def answers() -> Answers:
    """Give 30 faces; the surest mistake is 4, the closest call 7."""
    labels = np.arange(30) % 3
    probabilities = np.full((30, 3), 0.1)
    probabilities[np.arange(30), labels] = 0.8
    probabilities[4] = [0.02, 0.03, 0.95]
    probabilities[7] = [0.45, 0.46, 0.09]
    probabilities[10] = [0.7, 0.2, 0.1]
    return Answers(draw(30, seed=1)[0][..., None], labels, probabilities, NAMES)


@pytest.fixture(scope="module")
def findings(answers: Answers) -> model_report.Findings:
    labels, probabilities, _ = answers[1:]
    error = reliability.expected_error(reliability.by_confidence(labels, probabilities))
    table = robustness.measure(lambda images: {"network": labels, "hog-svm": 0 * labels}, answers.images, labels)
    confusion = metrics.confusion_matrix(labels, probabilities.argmax(axis=1), 3)
    scores = {
        "protocol": "pooled",
        "variant": "int8",
        "test": metrics.summarise(labels, probabilities) | {"calibration_error": error},
        "per_emotion": metrics.per_class(confusion, NAMES).to_dict("index"),
        "keras": {"accuracy": 0.9},
        "agreement": 1.0,
        "robustness": robustness.summarise(table, "network"),
    }
    history = pd.DataFrame({"accuracy": [0.3, 0.5, 0.6], "loss": [1.1, 0.9, 0.8]})
    history[["val_accuracy", "val_loss"]] = [[0.4, 1.0], [0.7, 0.7], [0.6, 0.9]]
    return model_report.Findings(answers, scores, history, table, "drawn faces, official", {"run": "<resnet> (r1)"})


@pytest.fixture(scope="module")
def source() -> Data:
    """Give 70 drawn faces: 63 to train, the rest test; 1 is a copy of 0 there, 69 of 5 with another emotion."""
    images, emotions = draw(70, seed=2)
    images[1], images[69] = images[0], images[5]
    emotions[1] = emotions[0]
    usages = np.where(np.arange(70) < 63, 0, 2).astype(np.uint8)
    identity = pd.factorize(np.array([image.tobytes() for image in images], dtype=object))[0]
    splits = {"train": np.arange(63), "val": np.arange(60, 63), "test": np.arange(63, 70)}
    summary = {
        "protocol": "official", "emotions": list(EMOTIONS), "digest": "d", "source": {"name": "s", "kind": "drawn"},
        "splits": {name: {"images": len(found), "removed": {}} for name, found in splits.items()},
    }  # fmt: skip
    return Data(images, emotions, usages, np.arange(1, 71), identity, splits, summary)


def demand_self_contained(folder: Path) -> str:
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:image/png;base64,|#)|url[(]|@import', html), "nothing lies elsewhere"
    shown = [base64.b64decode(found) for found in re.findall(r"base64,([\w+/=]+)", html)]
    assert sorted(shown) == sorted(path.read_bytes() for path in (folder / "figures").iterdir())
    for picture in shown:
        width, height = Image.open(io.BytesIO(picture)).size
        assert 400 < width < 1700, "as wide as a screen at most"
        assert height < 1700
    return html


def test_the_surest_mistake_and_the_closest_call_come_first(answers: Answers):
    assert gallery.confident_mistakes(answers).tolist() == [4, 10]
    assert gallery.closest_calls(answers)[0] == 7
    assert gallery.closest_calls(answers, 3).shape == (3,)


def test_random_faces_stand_in_the_row_of_their_emotion(answers: Answers):
    chosen = gallery.random_faces(answers.labels, 3)
    assert chosen.shape == (3, 9)
    assert (answers.labels[chosen] == np.arange(3)[:, None]).all()
    assert all(len(set(row)) == 9 for row in chosen)
    few = gallery.random_faces(answers.labels[:4], 3, columns=7)
    assert few.shape == (3, 7)
    assert (few >= 0).sum() == 4


def test_the_grid_shows_each_face_in_its_place(answers: Answers):
    (axes,) = gallery.grid(answers.images, np.array([[0, 1], [2, -1]]), "four places").axes
    shown = np.asarray(axes.images[0].get_array())
    step = shown.shape[1] // 2
    assert np.array_equal(shown[step : step + SIDE, :SIDE], answers.images[2, ..., 0])
    assert (shown[step:, step:] == 255).all()


def test_the_model_report_is_one_page_that_tells_everything(findings: model_report.Findings, tmp_path: Path):
    page.write(tmp_path, lambda: model_report.figures(findings), lambda found: model_report.tell(findings, found))
    html = demand_self_contained(tmp_path)
    assert {path.stem for path in (tmp_path / "figures").iterdir()} >= {
        "confusion_matrix", "training_curves", "training_violins", "reliability", "coverage", "robustness", "faces",
        "mistakes", "closest_calls",
    }  # fmt: skip
    assert "answers 93.3% of 30 images right" in html
    assert "These images chose the weights too, as in the seed: the figure is optimistic." in html
    assert "epoch 2, the best on val" in html
    assert "&lt;resnet&gt;" in html, "names are text, not HTML"


def test_a_model_without_mistakes_gets_a_report_without_their_figure(findings: model_report.Findings):
    sure = np.eye(3)[findings.answers.labels] * 0.9 + 0.03
    figures = model_report.figures(findings._replace(answers=findings.answers._replace(probabilities=sure)))
    assert "mistakes" not in figures
    assert "closest_calls" in figures


def test_copies_are_counted_within_and_across_parts_and_by_their_labels(source: Data):
    table = data.duplicates(source)
    assert table.to_dict("index")["Training"] == {
        "images": 63, "surplus copies": 1, "also in Training": 0, "also in PublicTest": 0, "also in PrivateTest": 1,
        "other label": 1,
    }  # fmt: skip
    assert list(table.loc["PrivateTest", ["also in Training", "other label"]]) == [1, 1]
    assert table.loc["PublicTest"].sum() == 0
    pairs = {kind: sorted(map(sorted, found.tolist())) for kind, found in data.copies(source).items()}
    assert pairs == {"within a part": [[0, 1]], "across parts": [], "other label": [[5, 69]]}


def test_images_are_counted_by_emotion_usage_and_split(source: Data):
    table = data.counts(source)
    assert list(table[["Training", "PublicTest", "PrivateTest"]].sum()) == [63, 0, 7]
    assert table.loc["angry", "train"] == 10, "one of them in place of a disgusted one"
    assert table.loc["disgust", "train"] == 8


def test_a_flat_image_is_found(source: Data):
    images = source.images.copy()
    images[64] = 7
    assert data.pixels(source._replace(images=images))["flat images"].to_dict() == {"train": 0, "val": 0, "test": 1}


def test_the_data_report_is_one_page_that_tells_everything(source: Data, tmp_path: Path):
    page.write(tmp_path, lambda: data_report.figures(source), lambda found: data_report.tell(source, found))
    html = demand_self_contained(tmp_path)
    assert "63 images in train, 3 images in val, 7 images in test" in html
    assert "3 images of val (100.0%) and 1 images of test (14.3%) have a copy in train" in html
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {
        "counts", "faces", "mean_faces", "pixels", "copies",
    }  # fmt: skip


def test_equal_figures_give_equal_bytes(source: Data, tmp_path: Path):
    for name in ("one", "two"):
        page.write(tmp_path / name, lambda: data_report.figures(source), lambda found: data_report.tell(source, found))
    assert (tmp_path / "one/index.html").read_bytes() == (tmp_path / "two/index.html").read_bytes()
