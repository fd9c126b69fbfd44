import numpy as np

from src.baseline import features, fit
from src.fer2013 import Split
from src.params import BaselineParams

PARAMS = BaselineParams(orientations=9, cell=8, svm_c=0.01, components=64, neighbours=5)


def test_both_classifiers_learn_faces_and_nothing_from_shuffled_labels(faces: tuple[Split, Split]) -> None:
    train, val = faces
    answers = fit(PARAMS, train)(val.images)
    assert set(answers) == {"hog-svm", "hog-knn"}
    commonest = np.bincount(val.labels).max() / len(val.labels)
    for name, predicted in answers.items():
        assert np.mean(predicted == val.labels) > commonest + 0.25, name
    shuffled = Split(train.images, np.random.default_rng(0).permutation(train.labels))
    for name, predicted in fit(PARAMS, shuffled)(val.images).items():
        assert np.mean(predicted == val.labels) < commonest + 0.25, name


def test_histograms_of_gradients_do_not_see_how_bright_a_face_is(faces: tuple[Split, Split]) -> None:
    images = faces[1].images[:5]
    assert features(images, 9, 8).shape == (5, 900)
    assert np.abs(features(images, 9, 8) - features(images // 2, 9, 8)).mean() < 0.02
