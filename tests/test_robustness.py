import numpy as np
import pytest

from src.faces.drawn import draw
from src.report.robustness import DISTURBANCES, accuracies, disturbed, measure, summarise

FACES = draw(14, seed=3)[0][..., None]
CASES = [(name, strength) for name, kind in DISTURBANCES.items() for strength in kind.strengths]


def distance(name: str, strength: float) -> float:
    return float(np.abs(disturbed(FACES, name, strength).astype(float) - FACES).mean())


@pytest.mark.parametrize("name", DISTURBANCES)
def test_the_stronger_a_disturbance_the_further_from_the_face(name: str):
    distances = [distance(name, strength) for strength in DISTURBANCES[name].strengths]
    assert distances[0] > 0
    assert distances == sorted(distances)


@pytest.mark.parametrize("name", [name for name in DISTURBANCES if name not in ("blur", "cover")])
def test_strength_zero_leaves_the_face_as_it_is(name: str):
    assert np.abs(disturbed(FACES, name, 0).astype(int) - FACES).max() <= 1


def test_a_face_is_disturbed_alike_whatever_stands_beside_it():
    for name, kind in DISTURBANCES.items():
        alone = disturbed(FACES[:3], name, kind.strengths[-1])
        assert np.array_equal(alone, disturbed(FACES, name, kind.strengths[-1])[:3])


def test_a_shift_moves_the_face_by_its_pixels():
    dot = np.zeros((20, 48, 48, 1), np.uint8)
    dot[:, 23:26, 23:26] = 255
    rows, columns = np.mgrid[:48, :48]
    for image in disturbed(dot, "shift", 6)[..., 0].astype(float):
        centre = np.array([(image * rows).sum(), (image * columns).sum()]) / image.sum()
        assert np.hypot(*(centre - 24)) == pytest.approx(6, abs=0.1)


def test_a_face_is_turned_by_its_degrees_and_scaled_by_its_share():
    dot = np.zeros((20, 48, 48, 1), np.uint8)
    dot[:, 23:25, 38:40] = 255
    rows, columns = np.mgrid[:48, :48] - 23.5
    for name, strength, distances, angles in (
        ("rotate", 30, {15.0}, {30.0, -30.0}), ("scale", 0.25, {15 * 1.25, 15 / 1.25}, {0.0}),
    ):  # fmt: skip
        centres = [
            np.array([(image * rows).sum(), (image * columns).sum()]) / image.sum()
            for image in disturbed(dot, name, strength)[..., 0].astype(float)
        ]
        found = [np.hypot(*centre) for centre in centres], [np.degrees(np.arctan2(*centre)) for centre in centres]
        for values, expected in zip(found, (distances, angles), strict=True):
            assert {min(expected, key=lambda one: abs(one - value)) for value in values} == expected
            assert all(min(abs(one - value) for one in expected) < 0.5 for value in values)


def test_blur_and_noise_have_their_standard_deviation():
    dot = np.zeros((1, 48, 48, 1), np.uint8)
    dot[:, 22:26, 22:26] = 255
    columns = np.arange(48) - 23.5

    def variance(image: np.ndarray) -> float:
        return float((image.astype(float).sum(axis=0) * columns**2).sum() / image.sum())

    assert variance(disturbed(dot, "blur", 2)[0, ..., 0]) - variance(dot[0, ..., 0]) == pytest.approx(4, abs=0.3)
    grey = np.full((4, 48, 48, 1), 128, np.uint8)
    assert disturbed(grey, "noise", 10).astype(float).std() == pytest.approx(10, abs=0.3)


def test_light_is_taken_added_and_slanted_by_its_share():
    grey = np.full((14, 48, 48, 1), 100, np.uint8)
    assert (disturbed(grey, "darken", 0.75) == 25).all()
    assert (disturbed(grey, "brighten", 0.5) == 150).all()
    assert (disturbed(grey, "brighten", 2) == 255).all(), "too bright becomes white, it does not wrap around"
    slanted = disturbed(grey, "side light", 0.5)[..., 0]
    assert {(row[0], row[-1]) for row in slanted[:, 0]} == {(100, 50), (50, 100)}


def test_a_cover_hides_a_square_inside_the_picture():
    hidden = disturbed(np.zeros((9, 48, 48, 1), np.uint8), "cover", 12) == 128
    assert (hidden.sum(axis=(1, 2, 3)) == 144).all()


def test_every_model_is_scored_on_every_disturbance_and_the_drops_are_against_the_clean_faces():
    labels = (FACES.mean(axis=(1, 2, 3)) > 100).astype(int)
    assert 0 < labels.sum() < 14

    def answer(images: np.ndarray) -> dict[str, np.ndarray]:
        return {"by brightness": (images.mean(axis=(1, 2, 3)) > 100).astype(int), "always 1": np.ones(len(images), int)}

    assert accuracies(answer, FACES, labels) == {"by brightness": 1.0, "always 1": labels.mean()}
    table = measure(answer, FACES, labels)
    assert len(table) == 2 * (len(CASES) + len(DISTURBANCES))
    found = summarise(table, "by brightness")
    dark = table[(table.disturbance == "darken") & (table.strength == 0.5) & (table.model == "by brightness")]
    assert found["drop_half_brightness"] == pytest.approx(1 - dark.accuracy.item())
    assert found["worst_drop"] >= found["drop_half_brightness"] > 0
    steady = summarise(table, "always 1")
    assert steady["worst_drop"] == steady["drop_shift_4px"] == 0
    assert steady["mean"] == pytest.approx(labels.mean())
