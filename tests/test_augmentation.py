import numpy as np
import pytest

from src.network.augmentation import transforms, warp
from src.params import Augmentation

STILL = Augmentation(rotation=0.0, shift=0.0, shear=0.0, zoom=0.0, flip=False)
GRID = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])


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
    matrices = transforms(1, len(image), STILL.model_copy(update=ranges), random)
    return warp(images, matrices)[0, ..., 0].tolist()


def test_ranges_of_nothing_leave_the_images_as_they_are() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 48, 48, 1), np.uint8)
    assert np.array_equal(warp(images, transforms(20, 48, STILL, np.random.default_rng(1))), images)


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
    assert moved(columns, Extreme(lowest=True), zoom=0.5) == [[50, 100, 150]] * 3


def test_a_shear_slants_upright_lines_and_keeps_level_ones() -> None:
    """Shear by 30 degrees: source x = x - sin(30) y, so one row down reads half a pixel to the left."""
    columns = np.array([[0, 100, 200]] * 3)
    assert moved(columns, Extreme(), shear=30.0) == [[50, 150, 200], [0, 100, 200], [0, 50, 150]]
    (matrix,) = transforms(1, 3, STILL.model_copy(update={"shear": 30.0}), Extreme())
    assert matrix[1, 0] == 0


def test_the_maps_are_a_function_of_the_random_generator() -> None:
    params = Augmentation(rotation=15.0, shift=0.15, shear=0.15, zoom=0.15, flip=True)
    first, same, other = (transforms(50, 48, params, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, same)
    assert not (first == other).all(axis=(1, 2)).any()


def test_images_of_a_batch_are_moved_apart_from_each_other() -> None:
    images = np.stack([GRID, 10 * GRID]).astype(np.uint8)[..., None]
    still = transforms(1, 3, STILL, Extreme())
    quarter = transforms(1, 3, STILL.model_copy(update={"rotation": 90.0}), Extreme())
    both = warp(images, np.concatenate([still, quarter]))
    assert both[0, ..., 0].tolist() == GRID.tolist()
    assert both[1, ..., 0].tolist() == [[30, 60, 90], [20, 50, 80], [10, 40, 70]]


def test_angles_fill_their_range_and_half_of_the_images_are_mirrored() -> None:
    params = STILL.model_copy(update={"rotation": 15.0, "flip": True})
    matrices = transforms(10_000, 48, params, np.random.default_rng(0))
    angles = np.rad2deg(np.arctan2(-matrices[:, 0, 1], matrices[:, 1, 1]))
    assert (angles.min(), angles.max()) == pytest.approx((-15, 15), abs=0.1)
    mirrored = np.linalg.det(matrices[:, :, :2]) < 0
    assert mirrored.mean() == pytest.approx(0.5, abs=0.02)  # four standard deviations
