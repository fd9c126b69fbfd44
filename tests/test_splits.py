from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src import paths, preprocess
from src.faces.splits import Faces, assign, assign_teacher, digest, load, load_summary, take
from src.fer2013 import EMOTIONS, Split
from src.params import DataParams

HAPPY, SAD, NEUTRAL, ANGRY = 3, 4, 6, 0
CHOSEN = ("happy", "sad", "neutral")


def params(protocol: str = "official", emotions: tuple[str, ...] = CHOSEN) -> DataParams:
    return DataParams.model_validate(
        {"source": "drawn", "drawn_images": 140, "protocol": protocol, "emotions": emotions}
    )


def table(*rows: tuple[int, int, int]) -> Faces:
    """Give faces from (picture, emotion, usage); the same picture number is the same image."""
    pictures, emotions, usages = np.array(rows).T
    images = np.broadcast_to(pictures.astype(np.uint8)[:, None, None], (len(rows), 48, 48))
    return Faces(images, emotions.astype(np.uint8), usages.astype(np.uint8), np.arange(1, len(rows) + 1))


WHOLE = [(100 + 10 * usage + code, code, usage) for usage in range(3) for code in (HAPPY, SAD, NEUTRAL)]
"""One picture of each chosen emotion in each split, all different."""


def removed(*rows: tuple[int, int, int]) -> dict[str, dict[str, list[int]]]:
    """Give what is removed of these rows: split -> reason -> their numbers, from 0."""
    found = assign(table(*rows, *WHOLE), params()).removed
    return {name: {why: at.tolist() for why, at in reasons.items() if len(at)} for name, reasons in found.items()}


def test_train_gives_way_to_test_and_val_and_val_to_test():
    rows = [(1, HAPPY, 0), (1, HAPPY, 2), (2, SAD, 0), (2, SAD, 1), (3, SAD, 1), (3, SAD, 2)]
    assert removed(*rows) == {
        "train": {"also in test": [0], "also in val": [2]},
        "val": {"also in test": [4]},
        "test": {},
    }


def test_of_surplus_copies_in_train_the_first_stays():
    assert removed((1, HAPPY, 0), (1, HAPPY, 0), (1, HAPPY, 0))["train"] == {"surplus copy": [1, 2]}


def test_an_image_with_two_labels_is_removed_altogether():
    assert removed((1, HAPPY, 0), (1, SAD, 0))["train"] == {"conflicting labels": [0, 1]}


def test_conflicts_and_leaks_are_looked_for_among_all_seven_emotions():
    assert removed((1, HAPPY, 0), (1, ANGRY, 0))["train"] == {"conflicting labels": [0]}
    assert removed((1, HAPPY, 0), (1, ANGRY, 2))["train"] == {"also in test": [0]}


def test_copies_within_val_and_within_test_stay():
    assert removed((1, HAPPY, 1), (1, HAPPY, 1), (2, SAD, 2), (2, SAD, 2)) == {"train": {}, "val": {}, "test": {}}


rows_of_faces = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from(range(len(EMOTIONS))), st.integers(0, 2)), max_size=30
)


@settings(deadline=None)
@given(rows_of_faces)
def test_official_splits_share_no_image_and_lose_none_without_a_reason(rows: list[tuple[int, int, int]]):
    faces = table(*rows, *WHOLE)
    found = assign(faces, params())
    pictures = {name: set(faces.images[at, 0, 0].tolist()) for name, at in found.splits.items()}
    assert not pictures["train"] & (pictures["val"] | pictures["test"])
    assert not pictures["val"] & pictures["test"]
    kept = sum(len(at) for at in found.splits.values())
    gone = sum(len(at) for reasons in found.removed.values() for at in reasons.values())
    assert kept + gone == np.isin(faces.emotions, (HAPPY, SAD, NEUTRAL)).sum()
    untouched = np.isin(faces.emotions, (HAPPY, SAD, NEUTRAL)) & (faces.usages == 2)
    assert found.splits["test"].tolist() == np.flatnonzero(untouched).tolist()


def test_pooled_holds_out_a_stratified_tenth_that_is_val_and_test_at_once():
    faces = table(*[(number % 250, code, number % 3) for number in range(400) for code in (HAPPY, SAD, SAD, NEUTRAL)])
    found = assign(faces, params("pooled"))
    assert [len(found.splits[name]) for name in ("train", "val", "test")] == [1440, 160, 160]
    assert found.splits["val"].tolist() == found.splits["test"].tolist()
    assert np.bincount(faces.emotions[found.splits["test"]])[[HAPPY, SAD, NEUTRAL]].tolist() == [40, 80, 40]


def test_labels_count_the_chosen_emotions_in_the_order_of_their_codes():
    split = take(table((1, NEUTRAL, 0), (2, ANGRY, 0), (3, SAD, 0)), np.array([0, 1, 2]), ("angry", "sad", "neutral"))
    assert split.labels.tolist() == [2, 0, 1]
    assert split.images.shape == (3, 48, 48, 1)


def test_a_split_without_one_of_the_emotions_is_an_error():
    faces = table((1, HAPPY, 0), (2, SAD, 0), (3, HAPPY, 1), (4, SAD, 1), (5, HAPPY, 2))
    with pytest.raises(ValueError, match="test has no image of 'sad'"):
        assign(faces, params(emotions=("happy", "sad")))


@pytest.mark.parametrize("kept", [0, 100])
def test_a_split_that_was_cut_off_is_refused(kept: int, tmp_path: Path):
    np.savez(tmp_path / "train.npz", images=np.zeros((4, 48, 48, 1), np.uint8), labels=np.zeros(4, int))
    (tmp_path / "train.npz").write_bytes((tmp_path / "train.npz").read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"train\.npz is damaged, .*; run `dvc repro -f preprocess`"):
        load("train", tmp_path)


@pytest.mark.parametrize("change", ["pixel", "label", "order", "names"])
def test_the_digest_of_a_split_changes_with_anything_in_it(change: str):
    images = np.arange(2 * 48 * 48, dtype=np.uint8).reshape(2, 48, 48, 1)
    split, names = Split(images, np.array([0, 1])), ("happy", "sad")
    before = digest(split, names)
    other = {
        "pixel": (Split(np.where(images == 7, 8, images), split.labels), names),
        "label": (Split(images, np.array([1, 1])), names),
        "order": (Split(images[::-1], split.labels[::-1]), names),
        "names": (split, ("happy", "neutral")),
    }[change]
    assert digest(*other) != before
    assert digest(Split(images.copy(), split.labels.astype(np.int32)), names) == before


def of_teacher(protocol: str, *rows: tuple[int, int, int]) -> tuple[Faces, dict[str, list[int]]]:
    """Give the table of these rows and more, and the teacher's splits of it."""
    faces = table(*rows, *WHOLE * 10)
    found = assign_teacher(faces, params(protocol), assign(faces, params(protocol)))
    return faces, {name: positions.tolist() for name, positions in found.splits.items()}


def test_the_official_teacher_learns_from_all_emotions_of_train_and_nothing_that_val_or_test_shows():
    rows = [(1, ANGRY, 0), (2, ANGRY, 0), (2, HAPPY, 1), (3, ANGRY, 0), (3, SAD, 2), (4, ANGRY, 1), (5, ANGRY, 2)]
    _, splits = of_teacher("official", *rows)
    assert [row for row in splits["train"] if row < len(rows)] == [0]
    assert [row for row in splits["val"] if row < len(rows)] == [2, 5]


def test_the_official_teacher_is_the_same_whatever_the_emotions_of_the_model():
    faces = table((1, ANGRY, 0), (4, ANGRY, 1), *WHOLE)
    one, other = (
        assign_teacher(faces, chosen, assign(faces, chosen)).splits
        for chosen in (params(), params(emotions=("happy", "sad")))
    )
    assert all(np.array_equal(one[name], other[name]) for name in ("train", "val"))


def test_the_pooled_teacher_learns_from_the_train_of_the_model_and_all_other_faces_but_no_picture_of_val():
    in_val, *_ = (picture for picture, _, _ in WHOLE)
    faces, splits = of_teacher("pooled", (1, ANGRY, 0), (5, ANGRY, 2), (in_val, ANGRY, 0))
    assignment = assign(faces, params("pooled"))
    assert splits["val"] == assignment.splits["val"].tolist()
    pictures = faces.images[:, 0, 0]
    assert in_val in pictures[splits["val"]]
    assert splits["train"] == [0, 1, *assignment.splits["train"]]


def test_a_renamed_source_changes_the_report_and_no_split(
    make_workspace: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(make_workspace("workspace", data={"drawn_images": 700}))
    summaries = [folder / "splits.json" for folder in (paths.PROCESSED, paths.PROCESSED_TEACHER)]
    before = [path.read_bytes() for path in summaries]
    source = paths.read_json(paths.RAW / "source.json", "pull")
    paths.write_json(paths.RAW / "source.json", source | {"name": "packed.csv.gz"})
    preprocess.main([])
    assert [path.read_bytes() for path in summaries] == before
    assert "packed.csv.gz" in (paths.DATA_REPORT / "index.html").read_text()


@pytest.mark.parametrize("content", [b"{", b"\xff"])
def test_a_damaged_summary_is_named_with_the_stage_that_makes_it(content: bytes, tmp_path: Path):
    (tmp_path / "splits.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"splits\.json is damaged .*; run `dvc repro -f preprocess`"):
        load_summary(tmp_path)
