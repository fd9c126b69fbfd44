"""The detector: its arithmetic by hand, and photos that ship in packages."""

import numpy as np
import pytest
from skimage import data

from src.faces.crop import cut, grey
from src.faces.detection import FaceDetector, decode, letterbox, make_anchors, overlaps, suppress


def corners(*boxes: tuple[float, float, float, float]) -> np.ndarray:
    """Points (n, 8, 2) of boxes (left, top, right, bottom), all keypoints at the upper left corner."""
    return np.array([[box[:2], box[2:], *[box[:2]] * 6] for box in boxes])


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


def photo_of_grace_hopper() -> np.ndarray:
    from matplotlib import cbook
    from PIL import Image

    with Image.open(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))) as photo:
        return np.asarray(photo.convert("RGB"))


def test_anchors_stand_in_the_middle_of_their_cells() -> None:
    anchors = make_anchors()
    assert anchors.shape == (16 * 16 * 2 + 8 * 8 * 6, 2)
    assert anchors[:3].tolist() == [[1 / 32, 1 / 32], [1 / 32, 1 / 32], [3 / 32, 1 / 32]]
    assert anchors[32].tolist() == [1 / 32, 3 / 32]  # the second row begins after 16 cells of two
    assert anchors[[512, 517, 518]].tolist() == [[1 / 16, 1 / 16], [1 / 16, 1 / 16], [3 / 16, 1 / 16]]


def test_decoding_adds_the_anchor_to_the_box_and_to_the_keypoints() -> None:
    # Centre 12.8 right and 25.6 down of the anchor, 64 wide, 32 high; first keypoint 6.4 left of the anchor.
    regressors = np.array([[12.8, 25.6, 64, 32, -6.4, 0, *[0] * 10]], np.float32)
    points, scores = decode(regressors, np.zeros(1, np.float32), np.array([[0.5, 0.25]]))
    assert points[0, :3] == pytest.approx(np.array([[0.35, 0.325], [0.85, 0.575], [0.45, 0.25]]))
    assert points[0, 3:] == pytest.approx(np.array([[0.5, 0.25]] * 5))
    assert scores.tolist() == [0.5]


def test_decoding_drops_low_scores_and_empty_boxes_and_survives_huge_logits() -> None:
    regressors = np.tile(np.array([0, 0, 64, 64, *[0] * 12], np.float32), (4, 1))
    regressors[3, 2] = -64
    _, scores = decode(regressors, np.array([1e9, -1e9, -0.01, 1e9], np.float32), np.full((4, 2), 0.5))
    assert scores.tolist() == [1.0]


def test_overlap_is_intersection_over_union() -> None:
    box, others = np.array([[0, 0], [2, 2]]), np.array([[[1, 0], [3, 2]], [[0, 0], [2, 2]], [[5, 5], [6, 6]]])
    assert overlaps(box, others) == pytest.approx([2 / 6, 1, 0])


def test_suppression_averages_a_cluster_by_score_and_keeps_the_best_score() -> None:
    # Shifted by 0.2 of 1: they overlap by 0.8 / 1.2; the third stands apart.
    points, scores = suppress(
        corners((0.2, 0, 1.2, 1), (5, 5, 6, 6), (0.0, 0, 1.0, 1)),
        np.array([0.6, 0.7, 0.9]),
    )
    assert scores.tolist() == [0.9, 0.7]
    assert points == pytest.approx(corners((0.08, 0, 1.08, 1), (5, 5, 6, 6)))  # 0.2 * 0.6 / 1.5


def test_suppression_compares_with_the_best_and_not_with_the_average() -> None:
    # 0.9 takes in 0.8 (0.6 / 1.4) and not 0.7 (0.4 / 1.6), which their average would (0.59 / 1.41).
    points, scores = suppress(
        corners((0, 0, 1, 1), (0.4, 0, 1.4, 1), (0.6, 0, 1.6, 1)),
        np.array([0.9, 0.8, 0.7]),
    )
    assert scores.tolist() == [0.9, 0.7]
    assert points[1, 0] == pytest.approx([0.6, 0])


def test_suppressing_nothing_gives_nothing() -> None:
    points, scores = suppress(np.zeros((0, 8, 2)), np.zeros(0))
    assert (points.shape, scores.shape) == ((0, 8, 2), (0,))


def test_the_letterbox_centres_a_wide_image_between_black_bars() -> None:
    values = letterbox(np.full((64, 256, 3), 255, np.uint8))  # 256 wide: half the scale, 32 rows of 128
    assert values.shape == (128, 128, 3)
    assert (values[48:80] == 1).all()
    assert (values[:48] == -1).all()
    assert (values[80:] == -1).all()


def test_grace_hopper_is_found_where_mediapipe_finds_her(detector: FaceDetector) -> None:
    (face,) = detector.detect(photo_of_grace_hopper())
    # mediapipe 0.10.14 on this photo: box 171.4, 146.9, 194.5, 194.5, score 0.935, eyes and mouth as below;
    # it samples the photo linearly, which moves the box by up to 3 % of its width.
    assert face.box == pytest.approx((171.4, 146.9, 194.5, 194.5), abs=6)
    assert face.score == pytest.approx(0.935, abs=0.02)
    assert face.keypoints[[0, 1, 3]] == pytest.approx(np.array([[221.8, 194.7], [308.0, 185.0], [272.8, 274.3]]), abs=6)


def test_an_astronaut_is_found_where_mediapipe_finds_her(detector: FaceDetector) -> None:
    (face,) = detector.detect(data.astronaut())
    assert face.box == pytest.approx((177.6, 82.9, 95.3, 95.3), abs=3)


def test_two_people_side_by_side_are_two_faces(detector: FaceDetector) -> None:
    photo = photo_of_grace_hopper()
    faces = detector.detect(np.hstack([photo, photo]))
    assert sorted(face.box.left // photo.shape[1] for face in faces) == [0, 1]


def test_the_crop_of_a_photo_has_the_eyes_and_the_mouth_where_fer2013_has_them(detector: FaceDetector) -> None:
    photo = grey(photo_of_grace_hopper())
    (face,) = detector.detect(np.repeat(photo[:, :, None], 3, axis=2))
    (again,) = detector.detect(np.repeat(np.pad(cut(photo, face.box), 24)[:, :, None], 3, axis=2))
    right_eye, left_eye, _, mouth = (again.keypoints[:4] - 24) / 48
    # Medians of bench/crop.py: eyes at 0.396 of the height and 0.370 apart, mouth at 0.778.
    assert (right_eye[1] + left_eye[1]) / 2 == pytest.approx(0.396, abs=0.06)
    assert left_eye[0] - right_eye[0] == pytest.approx(0.370, abs=0.06)
    assert mouth[1] == pytest.approx(0.778, abs=0.06)


def test_no_face_is_found_where_there_is_none(detector: FaceDetector) -> None:
    assert detector.detect(np.full((90, 40, 3), 128, np.uint8)) == []


def test_a_grey_image_is_refused_with_what_to_give(detector: FaceDetector) -> None:
    with pytest.raises(ValueError, match=r"found an image \(48, 48\) uint8, expected RGB"):
        detector.detect(np.zeros((48, 48), np.uint8))
