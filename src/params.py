"""What is configured: one frozen class per section of params.yaml.

The classes hold types, bounds and meaning, and no defaults: every value stands in params.yaml.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from src import paths
from src.fer2013 import EMOTIONS

Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class Params(BaseModel):
    """A section of params.yaml; a typo or a wrong type in it is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DataParams(Params):
    """Which faces, and how they are split.

    Attributes:
        source: `fer2013` reads what FER2013_SOURCE names, or Kaggle; `drawn` draws faces, no network.
        drawn_images: Number of faces to draw when the source is `drawn`.
        protocol: `official` keeps FER2013's own splits; `pooled` is the seed's stratified 90/10.
        emotions: At least two names of `fer2013.EMOTIONS`; kept in the order of FER2013's codes.
    """

    source: Literal["fer2013", "drawn"]
    drawn_images: Annotated[int, Field(ge=140)]
    protocol: Literal["official", "pooled"]
    emotions: Annotated[tuple[str, ...], Field(strict=False)]

    @field_validator("emotions")
    @classmethod
    def in_order_of_codes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Sort the names by FER2013's codes, so that labels don't depend on the order in the list."""
        unknown = [name for name in names if name not in EMOTIONS]
        if unknown:
            raise ValueError(f"unknown emotion {unknown[0]!r}, expected some of {', '.join(EMOTIONS)}")
        if len(set(names)) != len(names) or len(names) < 2:
            raise ValueError(f"found {list(names)}, expected at least two different emotions")
        return tuple(sorted(names, key=EMOTIONS.index))

    @property
    def registered_model(self) -> str:
        """Name in the registry; drawn faces have one of their own."""
        return "fer-emotion-drawn" if self.source == "drawn" else "fer-emotion"


class ModelParams(Params):
    """The network.

    Attributes:
        architecture: `dcnn` is the seed's network, `resnet` a small residual one.
        width: Multiplies the number of channels of every block.
        dropout: Rate before the last layer; dcnn's blocks keep the seed's ratios to it.
    """

    architecture: Literal["dcnn", "resnet"]
    width: Annotated[float, Field(gt=0, le=8)]
    dropout: Fraction


class Augmentation(Params):
    """Ranges of the random affine transform, drawn anew for every image and epoch.

    The names and units are those of Keras's ImageDataGenerator, which the seed used.

    Attributes:
        rotation: Largest angle, degrees.
        shift: Largest shift along each axis, as a share of the side.
        shear: Largest shear angle, degrees.
        zoom: Each axis is scaled by a factor in 1 - zoom .. 1 + zoom.
        flip: Whether half of the images are mirrored left to right.
    """

    rotation: Annotated[float, Field(ge=0, le=180)]
    shift: Fraction
    shear: Annotated[float, Field(ge=0, lt=90)]
    zoom: Fraction
    flip: bool


class EarlyStopping(Params):
    """Stop when val accuracy has not risen by more than `min_delta` for `patience` epochs."""

    patience: Count
    min_delta: NotNegative


class Plateau(Params):
    """Multiply the learning rate by `factor` when val accuracy has not risen for `patience` epochs."""

    patience: Count
    min_delta: NotNegative
    factor: Annotated[float, Field(gt=0, lt=1)]
    min_learning_rate: Positive


class TrainParams(Params):
    """How the network is fitted.

    Attributes:
        seed: Fixes the weights, the order of the batches, dropout and the augmentation.
        epochs: Most passes over the train split.
        batch_size: Images per step; each epoch leaves out the remainder, other images each time.
        optimizer: By its name in Keras.
        learning_rate: Largest learning rate.
        schedule: `cosine` rises over `warmup_epochs` and falls to 0; `plateau` follows `plateau`.
        warmup_epochs: Length of the linear rise; only under `cosine`.
        plateau: Only under `plateau`.
        early_stopping: None trains all epochs. The best epoch by val accuracy is kept either way.
        weight_decay: Decoupled, on every kernel; not on biases and batch norm.
        label_smoothing: Share of each target that is spread over all emotions (Szegedy et al. 2016).
        mixup: Each image is blended with another of its batch by a share from Beta(mixup, mixup); None blends nothing.
        average_decay: Decay per step of the averaged weights that are scored and kept; None keeps the raw ones.
        precision: `auto` takes `mixed_bfloat16` where the processor has it. The saved model is float32 always.
        augmentation: None trains on the images as they are.
    """

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    epochs: Count
    batch_size: Count
    optimizer: Literal["adam", "nadam", "adamw", "sgd"]
    learning_rate: Positive
    schedule: Literal["cosine", "plateau"]
    warmup_epochs: NotNegative
    plateau: Plateau
    early_stopping: EarlyStopping | None
    weight_decay: NotNegative
    label_smoothing: Fraction
    mixup: Positive | None
    average_decay: Fraction | None
    precision: Literal["auto", "float32", "mixed_bfloat16"]
    augmentation: Augmentation | None


class BaselineParams(Params):
    """The classical way: histograms of oriented gradients, classified by a linear SVM and by nearest neighbours.

    Attributes:
        orientations: Bins of each histogram.
        cell: Side in pixels of the squares that have a histogram each.
        svm_c: Weight of the errors against the margin, C.
        components: Principal components that nearest neighbours are looked for in.
        neighbours: Number of them that vote.
    """

    orientations: Count
    cell: Annotated[int, Field(ge=2, le=24)]
    svm_c: Positive
    components: Count
    neighbours: Count


class ExportParams(Params):
    """Which of the .tflite variants ships.

    Attributes:
        max_drop: Accuracy on val that a variant may lose against Keras; the smallest that keeps to it ships.
    """

    max_drop: Fraction


class PromoteParams(Params):
    """What a version must show to become the champion; None switches a rule off, and all off promotes nothing.

    Whatever stands here, files must be whole, golden samples must come out right, the protocol must be `official`, and
    a candidate that is significantly worse than the champion is refused.

    Attributes:
        min_accuracy: Least accuracy on test.
        min_recall: Least recall on test of every single emotion.
        max_drop: Accuracy that the candidate may lose against the champion.
        max_drop_from_best: The same against the best champion so far on this test split, so that small losses don't
            add up. Those rolled back don't count.
        same_emotions: Whether candidate and champion must tell the same emotions apart. Where it is off and they
            differ, nothing can be compared and the absolute rules decide.
        min_agreement: Least share of val images that the .tflite calls as the Keras model does.
        max_bytes: Most bytes of the whole bundle.
        max_latency_ratio: Most time per face, in times of the champion's.
    """

    min_accuracy: Share | None
    min_recall: Share | None
    max_drop: Share | None
    max_drop_from_best: Share | None
    same_emotions: bool | None
    min_agreement: Share | None
    max_bytes: Count | None
    max_latency_ratio: Positive | None


Section = TypeVar("Section", bound=Params)

SECTIONS: dict[str, type[Params]] = {
    "data": DataParams,
    "model": ModelParams,
    "train": TrainParams,
    "baseline": BaselineParams,
    "export": ExportParams,
    "promote": PromoteParams,
}


def read_sections() -> dict[str, Any]:
    """Read params.yaml of this workspace as plain dictionaries, the way DVC reads it (YAML 1.2)."""
    if not paths.PARAMS.exists():
        raise FileNotFoundError(f"{paths.PARAMS} is missing here, expected a workspace; go to the folder with dvc.yaml")
    sections = parse_yaml(paths.PARAMS.read_text(encoding="utf-8"), str(paths.PARAMS))
    unknown = sorted(set(sections or {}) - set(SECTIONS))
    if unknown:
        raise ValueError(f"{paths.PARAMS}: unknown section {unknown[0]!r}, expected {', '.join(SECTIONS)}")
    return sections or {}


def add_options(parser: ArgumentParser, *classes: type[Params]) -> None:
    """Give a command one option per key of these sections, `--learning_rate 0.01`, which replaces the file's value."""
    for params_class in classes:
        for key in params_class.model_fields:
            parser.add_argument(f"--{key}", metavar="VALUE", help=f"instead of {_name(params_class)}.{key}")


def read_params(params_class: type[Section], options: Namespace | None = None) -> Section:
    """Read and check one section of params.yaml.

    Args:
        params_class: The section's class, one of `SECTIONS`.
        options: Parsed options of `add_options`; those given replace the file's values.

    Raises:
        ValueError: A key is missing, unknown or out of its bounds; the message names the key and the value.
    """
    section = _name(params_class)
    values = read_sections().get(section)
    if not isinstance(values, dict):
        raise ValueError(f"{paths.PARAMS}: section {section!r} is missing, expected keys {_keys(params_class)}")
    given = {key: value for key, value in vars(options or Namespace()).items() if value is not None}
    values = values | {
        key: parse_yaml(value, f"--{key} {value}") for key, value in given.items() if key in params_class.model_fields
    }
    try:
        return params_class.model_validate(values)
    except ValidationError as error:
        raise ValueError(f"{paths.PARAMS}: {_first_fault(section, error)}") from None


def flat(section: str, params: Params) -> dict[str, Any]:
    """Give `{"train.augmentation.zoom": 0.15, ...}`: every value under its name in params.yaml."""
    found: dict[str, Any] = {}
    for key, value in params:
        if isinstance(value, Params):
            found |= flat(f"{section}.{key}", value)
        else:
            found[f"{section}.{key}"] = list(value) if isinstance(value, tuple) else value
    return found


def changed(text: str, values: dict[str, Any]) -> str:
    """Give the text of a params.yaml with other values, its comments and order kept.

    Args:
        text: Content of a params.yaml.
        values: Name -> value, nested keys joined by dots: `{"train.augmentation.zoom": 0.1}`.

    Raises:
        ValueError: The file has no such key.
    """
    import io

    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 1000
    null = "tag:yaml.org,2002:null"
    yaml.representer.add_representer(type(None), lambda dumper, _: dumper.represent_scalar(null, "null"))
    document = yaml.load(text)
    for name, value in values.items():
        *parents, key = name.split(".")
        target = document
        for parent in parents:
            target = (target or {}).get(parent)
        if not isinstance(target, dict) or key not in target:
            raise ValueError(f"{paths.PARAMS} has no key {name!r}, expected one that stands there")
        target[key] = value
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def parse_yaml(text: str, name: str = "value") -> Any:
    """Read YAML 1.2, as DVC does: `1e-2` is a number, which it is not to PyYAML.

    Args:
        text: What to read.
        name: What to call it in the error.

    Raises:
        ValueError: It is not YAML.
    """
    from ruamel.yaml import YAML, YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ValueError(f"{name} is not YAML: {' '.join(str(error).split())}") from None


def _name(params_class: type[Params]) -> str:
    return next(name for name, known in SECTIONS.items() if known is params_class)


def _keys(params_class: type[Params]) -> str:
    return ", ".join(params_class.model_fields)


def _first_fault(section: str, error: ValidationError) -> str:
    # A mistyped key is both unknown and missing; the former says more.
    fault = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    location = [str(part) for part in fault["loc"]]
    where = ".".join([section, *location])
    if fault["type"] == "extra_forbidden":
        owner = SECTIONS[section]
        for part in location[:-1]:
            annotation = owner.model_fields[part].annotation
            owner = next(kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type))
        return f"unknown key {where!r}, expected one of {_keys(owner)}"
    if fault["type"] == "missing":
        return f"key {where!r} is missing"
    return f"{where}: found {fault['input']!r}; {fault['msg'].removeprefix('Value error, ')}"
