import keras
import numpy as np
import pytest

from src.fer2013 import Split
from src.network import precision
from src.network.architectures import build
from src.params import ModelParams

BLOCK = ["Conv2D", "BatchNormalization"] * 2 + ["MaxPooling2D", "Dropout"]
Faces = tuple[Split, Split]


@pytest.fixture(scope="module")
def dcnn(model_params: ModelParams) -> keras.Model:
    return build(model_params.model_copy(update={"architecture": "dcnn", "width": 1.0, "dropout": 0.6}), classes=3)


@pytest.fixture(params=["dcnn", "resnet", "resnet_flat"])
def small(request: pytest.FixtureRequest, model_params: ModelParams) -> ModelParams:
    return model_params.model_copy(update={"architecture": request.param, "width": 0.125})


def test_dcnn_has_the_parameters_of_the_seed(dcnn: keras.Model) -> None:
    convolutions = [(25, 1, 64), (25, 64, 64), (9, 64, 128), (9, 128, 128), (9, 128, 256), (9, 256, 256)]
    by_hand = sum(pixels * before * after + after + 4 * after for pixels, before, after in convolutions)
    by_hand += 6 * 6 * 256 * 128 + 128 + 4 * 128 + 128 * 3 + 3
    assert dcnn.count_params() == by_hand == 2_395_075


def test_dcnn_has_the_layers_of_the_seed(dcnn: keras.Model) -> None:
    head = ["Flatten", "Dense", "BatchNormalization", "Dropout", "Dense"]
    assert [type(layer).__name__ for layer in dcnn.layers] == ["InputLayer", "Rescaling", *BLOCK * 3, *head]
    convolutions = [layer for layer in dcnn.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [64, 64, 128, 128, 256, 256]
    assert [layer.kernel_size[0] for layer in convolutions] == [5, 5, 3, 3, 3, 3]
    for layer in [*convolutions, dcnn.layers[-4]]:
        assert (layer.activation.__name__, type(layer.kernel_initializer).__name__) == ("elu", "HeNormal")


def test_dcnn_drops_as_the_seed_at_dropout_0_6(dcnn: keras.Model) -> None:
    rates = [layer.rate for layer in dcnn.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == pytest.approx([0.4, 0.4, 0.5, 0.6])


def test_resnet_is_smaller_than_dcnn(dcnn: keras.Model, model_params: ModelParams) -> None:
    resnet = build(model_params.model_copy(update={"architecture": "resnet", "width": 1.0}), classes=3)
    assert resnet.count_params() < dcnn.count_params() / 4


@pytest.mark.parametrize(("name", "channels"), [("resnet", [16, 32, 64, 112]), ("resnet_flat", [24, 64, 64, 64])])
def test_a_resnet_has_its_channels_at_48_24_12_and_6_pixels(
    name: str, channels: list[int], model_params: ModelParams
) -> None:
    network = build(model_params.model_copy(update={"architecture": name, "width": 1.0}), classes=3)
    sums = [layer.output.shape for layer in network.layers if isinstance(layer, keras.layers.Add)]
    sides = [(24, 24), (24, 24), (12, 12), (12, 12), (6, 6)]
    assert [shape[1:3] for shape in sums] == sides
    assert [shape[3] for shape in sums] == [channels[side] for side in (1, 1, 2, 2, 3)]
    assert network.layers[2].output.shape == (None, 48, 48, channels[0])


def test_width_multiplies_the_channels_but_leaves_at_least_eight(model_params: ModelParams) -> None:
    narrow = build(model_params.model_copy(update={"architecture": "dcnn", "width": 0.05}), classes=3)
    assert [layer.filters for layer in narrow.layers if isinstance(layer, keras.layers.Conv2D)] == [8, 8, 8, 8, 16, 16]


def test_probabilities_are_float32_and_sum_to_one_in_mixed_bfloat16(small: ModelParams, faces: Faces) -> None:
    with precision.policy("mixed_bfloat16"):
        network = build(small, classes=7)
    assert network.layers[2].compute_dtype == "bfloat16"
    probabilities = keras.ops.convert_to_numpy(network(faces[1].images))
    assert (probabilities.dtype, probabilities.shape) == (np.float32, (60, 7))
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)  # bfloat16 would be off by up to 4e-3


@pytest.mark.parametrize(("architecture", "darkest"), [("dcnn", 0), ("resnet", -1)])
def test_raw_grey_levels_go_in_and_are_scaled_inside(
    model_params: ModelParams, architecture: str, darkest: float
) -> None:
    network = build(model_params.model_copy(update={"architecture": architecture, "width": 0.125}), classes=3)
    scaled = keras.Model(network.input, network.layers[1].output)
    levels = np.zeros((1, 48, 48, 1), np.uint8)
    levels[0, 0, 0] = 255
    assert keras.ops.convert_to_numpy(scaled(levels))[0, 0, :2, 0].tolist() == [1, darkest]


def test_grey_levels_as_bytes_and_as_floats_are_the_same(small: ModelParams, faces: Faces) -> None:
    network, images = build(small, classes=3), faces[1].images
    as_bytes, as_floats = (keras.ops.convert_to_numpy(network(given)) for given in (images, images.astype("float32")))
    assert np.array_equal(as_bytes, as_floats)


def test_the_policy_is_put_back_also_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), precision.policy("mixed_bfloat16"):
        raise ZeroDivisionError
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("cpuinfo", "backend", "faster"),
    [
        ("vendor_id : AuthenticAMD flags : avx512f avx512_bf16", "tensorflow", True),
        ("vendor_id : AuthenticAMD flags : avx512f avx512_bf16", "jax", False),
        ("vendor_id : AuthenticAMD flags : avx512f", "tensorflow", False),
        ("vendor_id : GenuineIntel flags : avx512_bf16 amx_bf16", "tensorflow", True),
        ("vendor_id : GenuineIntel flags : avx512_bf16", "tensorflow", False),
    ],
)
def test_bfloat16_is_taken_where_it_is_faster(cpuinfo: str, backend: str, faster: bool) -> None:
    assert precision.is_faster_in_bfloat16(set(cpuinfo.split()), backend) == faster
