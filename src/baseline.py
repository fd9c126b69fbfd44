"""Classify by hand-crafted features, as before neural networks: what the network's robustness is compared with."""

from __future__ import annotations

import numpy as np

from src import cli, paths
from src.config import flat, read_params
from src.faces import splits
from src.fer2013 import Split
from src.params import BaselineParams
from src.report import robustness


def features(images: np.ndarray, orientations: int, cell: int) -> np.ndarray:
    """Give histograms of oriented gradients (Dalal & Triggs 2005): float32 (n, features).

    Args:
        images: uint8 (n, 48, 48, 1).
        orientations: Bins of each histogram, over 180 degrees.
        cell: Side in pixels of the squares that have a histogram each; 2 x 2 of them are normalised together.
    """
    from skimage.feature import hog

    return np.array(
        [hog(image[..., 0], orientations, pixels_per_cell=(cell, cell), cells_per_block=(2, 2)) for image in images],
        np.float32,
    )


def fit(params: BaselineParams, train: Split) -> robustness.Answer:
    """Fit a linear support vector machine and nearest neighbours to the features of the train split.

    Returns:
        A function that gives the classes that `hog-svm` and `hog-knn` predict.
    """
    from sklearn.decomposition import PCA
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    found = features(train.images, params.orientations, params.cell)
    components = min(params.components, *found.shape)
    models = {
        "hog-svm": LinearSVC(C=params.svm_c, dual=False),
        "hog-knn": make_pipeline(
            PCA(components, random_state=0), KNeighborsClassifier(params.neighbours, algorithm="brute")
        ),
    }
    for model in models.values():
        model.fit(found, train.labels)

    def answer(images: np.ndarray) -> dict[str, np.ndarray]:
        seen = features(images, params.orientations, params.cell)
        return {name: model.predict(seen) for name, model in models.items()}

    return answer


def main(argv: list[str] | None = None) -> None:
    cli.parser("baseline", __doc__).parse_args(argv)
    params = read_params(BaselineParams)
    train, val, test = splits.load("train"), splits.load("val"), splits.load("test")
    answer = fit(params, train)
    on_val = robustness.accuracies(answer, val.images, val.labels)
    table = robustness.measure(answer, test.images, test.labels)
    with paths.replacing(paths.BASELINE / "robustness.csv") as path:
        table.to_csv(path, index=False)
    on_test = table[table["strength"] == 0].groupby("model")["accuracy"].first()
    scores = {name: {"val_accuracy": on_val[name], "test_accuracy": float(on_test[name])} for name in on_val}
    digest = splits.load_summary()["digest"]
    made = {"data_digest": digest, "params": flat("baseline", params), "models": scores}
    paths.write_json(paths.BASELINE / "scores.json", made)
    for name, found in scores.items():
        print(f"{name}: accuracy {found['val_accuracy']:.4f} on val, {found['test_accuracy']:.4f} on test")


if __name__ == "__main__":
    cli.run(main)
