"""The crop's arithmetic, with numbers worked out by hand."""

import numpy as np
import pytest

from src.faces.crop import FER2013_CROP, Box, Crop, area_average, axis_weights, cut, grey, square

WHOLE_BOX = Crop(shift_x=0.0, shift_y=0.0, side=1.0)


def test_the_square_is_shifted_and_scaled_by_shares_of_the_box() -> None:
    found = square(Box(left=10, top=20, width=100, height=100), Crop(shift_x=0.1, shift_y=-0.2, side=1.5))
    assert found == pytest.approx((70 - 75, 50 - 75, 150, 150))  # centre (60, 70) moves to (70, 50)


def test_the_square_of_an_oblong_box_takes_the_mean_of_its_sides() -> None:
    assert square(Box(0, 0, 10, 20), WHOLE_BOX) == pytest.approx((-2.5, 2.5, 15, 15))


def test_the_crop_for_fer2013_adds_forehead_and_no_side() -> None:
    left, top, side, _ = square(Box(0, 0, 100, 100), FER2013_CROP)
    assert left + side / 2 == pytest.approx(50)
    assert (-top, top + side - 100) == pytest.approx((18.5, -1.5))


def test_grey_weighs_the_colours_as_bt_601_and_rounds_halves_up() -> None:
    colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [0, 2, 3]]
    # 76.245, 149.685, 29.07, 255, 0 and (2 * 587 + 3 * 114) / 1000 = 1.516
    assert grey(np.array([colours], np.uint8)).tolist() == [[76, 150, 29, 255, 0, 2]]
    assert grey(np.array([[[5, 5, 0], [0, 0, 250]]], np.uint8)).tolist() == [[4, 29]]  # 4.43 and 28.5


def test_cells_take_fractions_of_pixels() -> None:
    # 0.5 .. 3.5 in two cells: 0.5 .. 2 is half of pixel 0 and pixel 1; 2 .. 3.5 is pixel 2 and half of pixel 3
    weights = axis_weights(0.5, 3, cells=2, pixels=4, extend=False)
    assert weights == pytest.approx(np.array([[1, 2, 0, 0], [0, 0, 2, 1]]) / 3)


def test_cells_smaller_than_a_pixel_repeat_it() -> None:
    weights = axis_weights(1, 1, cells=2, pixels=3, extend=False)
    assert weights.tolist() == [[0, 1, 0], [0, 1, 0]]


def test_outside_lies_the_edge_or_nothing() -> None:
    assert axis_weights(-3, 6, 3, pixels=2, extend=True).tolist() == [[1, 0], [1, 0], [0, 1]]
    assert axis_weights(-3, 6, 3, pixels=2, extend=False).tolist() == [[0, 0], [0.5, 0], [0, 0.5]]


def test_the_area_average_weighs_both_axes() -> None:
    image = np.array([[0, 100], [200, 40]])
    rows, columns = np.array([[0.25, 0.75]]), np.array([[0.5, 0.5], [0, 1]])
    assert area_average(image, rows, columns) == pytest.approx(np.array([[(50 + 3 * 120) / 4, (100 + 3 * 40) / 4]]))


def test_a_cut_of_48_pixels_is_the_image_itself() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 70), dtype=np.uint8)
    assert np.array_equal(cut(image, Box(left=9, top=5, width=48, height=48), WHOLE_BOX), image[5:53, 9:57])


def test_a_cut_of_96_pixels_averages_four_and_rounds_halves_up() -> None:
    image = np.tile(np.array([[0, 1], [0, 1]], np.uint8), (48, 48))  # every mean is 0.5
    assert (cut(image, Box(0, 0, 96, 96), WHOLE_BOX) == 1).all()


def test_a_half_rounds_up_though_the_weights_are_no_binary_fractions() -> None:
    steps = np.tile(np.repeat(np.array([0, 1], np.uint8), 5), 16)  # three cells to ten pixels, the middle one half 1
    face = cut(np.tile(steps, (160, 1)), Box(0, 0, 160, 160), WHOLE_BOX)
    assert (face == np.tile([0, 1, 1], 16)).all()


def test_a_box_beyond_the_image_sees_its_edge_go_on() -> None:
    image = np.full((48, 48), 7, np.uint8)
    image[:, 0] = 200
    face = cut(image, Box(left=-24, top=0, width=48, height=48), WHOLE_BOX)
    assert (face[:, :25] == 200).all()
    assert (face[:, 25:] == 7).all()


def test_white_stays_white_in_any_box() -> None:
    image = np.full((31, 57), 255, np.uint8)
    assert (cut(image, Box(left=-3.3, top=7.77, width=29.1, height=33.3)) == 255).all()


@pytest.mark.parametrize(
    ("image", "box", "message"),
    [
        (np.zeros((9, 9, 3), np.uint8), Box(0, 0, 9, 9), r"\(9, 9, 3\) uint8, expected grey levels"),
        (np.zeros((9, 9)), Box(0, 0, 9, 9), "float64, expected grey levels"),
        (np.zeros((9, 9), np.uint8), Box(0, 0, 0, 9), "width and height above 0"),
        (np.zeros((9, 9), np.uint8), Box(0, float("nan"), 9, 9), "finite numbers"),
    ],
)
def test_a_cut_says_what_it_cannot_use(image: np.ndarray, box: Box, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cut(image, box)
