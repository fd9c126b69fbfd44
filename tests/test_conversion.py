import keras
import numpy as np
import pandas as pd
import pytest
from networks import random_network

from src.export import choose
from src.fer2013 import Split
from src.network.conversion import convert
from src.network.fitting import predict
from src.network.litert import Classifier
from src.params import ModelParams

Faces = tuple[Split, Split]
VARIANTS = ("float32", "float16", "int8")


@pytest.fixture(scope="module", params=["dcnn", "resnet"])
def model(request: pytest.FixtureRequest, model_params: ModelParams, faces: Faces) -> keras.Model:
    return random_network(
        model_params.model_copy(update={"architecture": request.param, "width": 0.25}), 3, faces[0].images
    )


@pytest.fixture(scope="module")
def variants(model: keras.Model, faces: Faces) -> dict[str, bytes]:
    return convert(model, faces[0].images[:100])


def test_the_smallest_variant_that_loses_little_enough_ships() -> None:
    drops = {"float32": 0.0, "float16": 0.001, "int8": 0.0051}
    table = pd.DataFrame({"drop": drops, "bytes": {"float32": 400, "float16": 200, "int8": 100}})
    assert choose(table, max_drop=0.005) == "float16"
    assert choose(table, max_drop=0.0051) == "int8"
    assert choose(table, max_drop=0.0) == "float32"
    with pytest.raises(ValueError, match=r"every variant loses more than 0\.5%"):
        choose(table + {"drop": 1, "bytes": 0}, max_drop=0.005)


def test_there_are_three_variants_each_smaller_than_the_one_before(variants: dict[str, bytes]) -> None:
    assert tuple(variants) == VARIANTS
    sizes = [len(content) for content in variants.values()]
    assert sizes[0] > 1.4 * sizes[1] > 1.4 * 1.2 * sizes[2]


def test_every_variant_takes_one_image_of_bytes_and_no_other_number_of_them(variants: dict[str, bytes]) -> None:
    for name, content in variants.items():
        given = Classifier(content).input
        assert given["dtype"] == np.uint8, name
        # -1 would be a free batch size, which LiteRT.js does not take.
        assert given["shape_signature"].tolist() == [1, 48, 48, 1], name


def test_every_variant_gives_float32_probabilities(variants: dict[str, bytes], faces: Faces) -> None:
    for name, content in variants.items():
        classifier = Classifier(content)
        assert (classifier.output["dtype"], classifier.output["shape"].tolist()) == (np.float32, [1, 3]), name
        assert classifier.predict(faces[1].images).sum(axis=1) == pytest.approx(1, abs=0.01), name


def test_the_input_of_int8_is_quantised_as_the_grey_levels_are(variants: dict[str, bytes]) -> None:
    assert Classifier(variants["int8"]).input["quantization"] == (1.0, 0)


def test_representative_faces_need_not_span_the_grey_levels_and_are_not_changed(faces: Faces) -> None:
    network = keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    pale = (faces[0].images[:20] // 2 + 64).clip(64, 191)
    before = pale.copy()
    assert Classifier(convert(network, pale)["int8"]).input["quantization"] == (1.0, 0)
    assert np.array_equal(pale, before)


def test_every_variant_says_of_faces_what_keras_says(
    model: keras.Model, variants: dict[str, bytes], faces: Faces
) -> None:
    expected = predict(model, faces[1].images)
    assert expected.std(axis=0).min() > 0.05  # else agreement would mean nothing
    for name, tolerance, agreement in (("float32", 1e-5, 1), ("float16", 0.01, 0.98), ("int8", 0.1, 0.9)):
        probabilities = Classifier(variants[name]).predict(faces[1].images)
        assert np.abs(probabilities - expected).max() < tolerance, name
        assert (probabilities.argmax(axis=1) == expected.argmax(axis=1)).mean() >= agreement, name
