import numpy as np
import pytest

from src.network.augmentation import Changes, apply, draw, noisy, still
from src.params import Augmentation

STILL = Augmentation(rotation=0.0, shift=0.0, shear=0.0, zoom=0.0, flip=False, light=0.0, erase=0.0, noise=0.0)
GRID = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
HALFWAY = np.array([-3, 19, 19, -3]) / 32
"""OpenCV's bicubic weights of the two pixels before and after the middle."""


class Extreme(np.random.Generator):
    """A generator that always draws the highest value, or the lowest; `random` mirrors every image."""

    def __init__(self, lowest: bool = False) -> None:
        super().__init__(np.random.PCG64(0))
        self.lowest = lowest

    def uniform(self, low, high, size):  # type: ignore[override]
        return np.full(size, low if self.lowest else high)

    def random(self, size):  # type: ignore[override]
        return np.zeros(size)


def moved(image: np.ndarray, random: np.random.Generator, **ranges: float) -> list[list[int]]:
    """Augment one image (side, side) with these ranges, all others being still."""
    images = image.astype(np.uint8)[None, ..., None]
    changes = draw(1, len(image), STILL.model_copy(update=ranges), random)
    return apply(images, changes, len(image))[0, ..., 0].tolist()


def halfway(*greys: int) -> int:
    return int(np.rint(HALFWAY @ greys))


def test_ranges_of_nothing_leave_the_images_as_they_are() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 48, 48, 1), np.uint8)
    assert np.array_equal(apply(images, draw(20, 48, STILL, np.random.default_rng(1)), 48), images)
    assert np.array_equal(apply(images, still(20), 48), images)


def test_a_shift_by_a_third_moves_by_one_pixel_and_repeats_the_border() -> None:
    assert moved(GRID, Extreme(), shift=1 / 3) == [[5, 6, 6], [8, 9, 9], [8, 9, 9]]
    assert moved(GRID, Extreme(lowest=True), shift=1 / 3) == [[1, 1, 2], [1, 1, 2], [4, 4, 5]]


def test_a_mirror_swaps_left_and_right() -> None:
    assert moved(GRID, Extreme(), flip=True) == [[3, 2, 1], [6, 5, 4], [9, 8, 7]]


def test_a_rotation_by_90_degrees_turns_about_the_centre() -> None:
    assert moved(GRID, Extreme(), rotation=90.0) == [[3, 6, 9], [2, 5, 8], [1, 4, 7]]
    assert moved(GRID, Extreme(lowest=True), rotation=90.0) == [[7, 4, 1], [8, 5, 2], [9, 6, 3]]


def test_a_mirror_comes_after_a_rotation() -> None:
    assert moved(GRID, Extreme(), rotation=90.0, flip=True) == [[9, 6, 3], [8, 5, 2], [7, 4, 1]]


def test_a_zoom_by_half_looks_at_the_middle_between_pixels() -> None:
    columns = np.array([[0, 100, 200]] * 3)
    left, right = halfway(0, 0, 100, 200), halfway(0, 100, 200, 200)
    assert moved(columns, Extreme(lowest=True), zoom=0.5) == [[left, 100, right]] * 3
    assert (left, right) == (41, 159)


def test_a_shear_slants_upright_lines_and_keeps_level_ones() -> None:
    """Shear by 30 degrees: source x = x - sin(30) y, so one row down reads half a pixel to the left."""
    columns = np.array([[0, 100, 200]] * 3)
    beyond = halfway(100, 200, 200, 200)
    assert moved(columns, Extreme(), shear=30.0) == [[41, 159, beyond], [0, 100, 200], [0, 41, 159]]
    (matrix,) = draw(1, 3, STILL.model_copy(update={"shear": 30.0}), Extreme()).matrices
    assert matrix[1, 0] == 0


def test_the_changes_are_a_function_of_the_random_generator() -> None:
    params = Augmentation(rotation=15.0, shift=0.15, shear=0.15, zoom=0.15, flip=True, light=0.4, erase=0.3, noise=3.0)
    first, same, other = (draw(50, 48, params, np.random.default_rng(seed)) for seed in (3, 3, 4))
    for one, again, differing in zip(first, same, other, strict=True):
        assert np.array_equal(one, again)
        assert not np.array_equal(one, differing)


def test_images_of_a_batch_are_moved_apart_from_each_other() -> None:
    images = np.stack([GRID, 10 * GRID]).astype(np.uint8)[..., None]
    quarter = draw(1, 3, STILL.model_copy(update={"rotation": 90.0}), Extreme())
    both = apply(images, Changes(*map(np.concatenate, zip(still(1), quarter, strict=True))), 3)
    assert both[0, ..., 0].tolist() == GRID.tolist()
    assert both[1, ..., 0].tolist() == [[30, 60, 90], [20, 50, 80], [10, 40, 70]]


def test_light_multiplies_every_grey_level_and_stays_within_255() -> None:
    image = np.array([[0, 100, 200]] * 3)
    assert moved(image, Extreme(), light=0.5) == [[0, 150, 255]] * 3
    assert moved(image, Extreme(lowest=True), light=0.5) == [[0, 50, 100]] * 3


class AlwaysGrey7(Extreme):
    def integers(self, low, high, size):  # type: ignore[override]
        return np.full(size, 7)


def test_the_largest_box_is_as_long_as_its_share_of_the_side_and_the_smallest_is_none() -> None:
    assert moved(GRID, AlwaysGrey7(), erase=2 / 3) == [[1, 2, 3], [4, 7, 7], [7, 7, 7]]
    assert moved(GRID, AlwaysGrey7(lowest=True), erase=2 / 3) == GRID.tolist()


def test_noise_is_of_every_strength_up_to_the_largest_and_stays_within_grey_levels() -> None:
    grey = np.full((500, 16, 16, 1), 100, np.float32)
    params = STILL.model_copy(update={"noise": 12.0})
    seen, again, other = (noisy(grey, params, np.random.default_rng(seed)) for seed in (3, 3, 4))
    deviations = seen.std(axis=(1, 2, 3))
    assert (seen.dtype, seen.shape) == (np.float32, grey.shape)
    assert seen.mean() == pytest.approx(100, abs=0.1)
    assert (deviations.min() < 1, 11 < deviations.max() < 14) == (True, True)
    assert deviations.mean() == pytest.approx(6, abs=0.6)
    assert np.array_equal(seen, again)
    assert not np.array_equal(seen, other)
    dark = noisy(0 * grey, params, np.random.default_rng(3))
    assert (dark.min(), dark.max() > 0) == (0, True)
    assert noisy(grey, STILL, np.random.default_rng(3)) is grey


def test_half_the_side_looks_at_the_middle_of_two_by_two_pixels() -> None:
    image = np.array([[0, 20, 100, 100], [40, 60, 100, 100], [8, 8, 0, 0], [8, 8, 4, 4]], np.uint8)
    wide = np.pad(image, 1, "edge")
    by_hand = [[HALFWAY @ wide[y : y + 4, x : x + 4] @ HALFWAY for x in (0, 2)] for y in (0, 2)]
    small = apply(image[None, ..., None], still(1), side=2)[0, ..., 0]
    assert small == pytest.approx(np.clip(by_hand, 0, 255), abs=0.5)


def test_a_smaller_result_shows_the_same_shifted_face_and_the_same_box() -> None:
    image = np.repeat(np.repeat(GRID, 2, axis=0), 2, axis=1)[None, ..., None].astype(np.uint8)
    changes = draw(1, 6, STILL.model_copy(update={"shift": 1 / 3, "erase": 2 / 3}), AlwaysGrey7())
    full, small = apply(image, changes, 6)[0, ..., 0], apply(image, changes, 3)[0, ..., 0]
    assert small.tolist() == full[::2, ::2].tolist()


def test_angles_fill_their_range_and_half_of_the_images_are_mirrored() -> None:
    params = STILL.model_copy(update={"rotation": 15.0, "flip": True})
    matrices = draw(10_000, 48, params, np.random.default_rng(0)).matrices
    angles = np.rad2deg(np.arctan2(-matrices[:, 0, 1], matrices[:, 1, 1]))
    assert (angles.min(), angles.max()) == pytest.approx((-15, 15), abs=0.1)
    mirrored = np.linalg.det(matrices[:, :, :2]) < 0
    assert mirrored.mean() == pytest.approx(0.5, abs=0.02)  # four standard deviations
