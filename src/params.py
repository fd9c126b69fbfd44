"""What is configured: one frozen class per section of params.yaml.

The classes hold types, bounds and meaning, and no defaults: every value stands in params.yaml.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from src.fer2013 import EMOTIONS, SIDE

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

    def demand_prepared(self, summary: dict) -> None:
        """Check that the splits were made from this source, by this protocol, for these emotions.

        Args:
            summary: What `preprocess` says of the splits.

        Raises:
            ValueError: They were not.
        """
        source = "drawn" if summary["source"]["kind"] == "drawn" else "fer2013"
        found, wanted = (
            [source, summary["protocol"], *summary["emotions"]],
            [self.source, self.protocol, *self.emotions],
        )
        if found != wanted:
            raise ValueError(
                f"the splits are {', '.join(found)}; params.yaml asks for {', '.join(wanted)}; "
                "run `dvc repro preprocess`"
            )


class ModelParams(Params):
    """The network.

    Attributes:
        architecture: `dcnn` is the seed's network; the others are small and residual: `resnet` grows wider as its
            images shrink, `resnet_flat` is as wide at 24 pixels as at 6, where a weight does more work.
        width: Multiplies the number of channels of every block.
        dropout: Rate before the last layer; dcnn's blocks keep the seed's ratios to it.
    """

    architecture: Literal["dcnn", "resnet", "resnet_flat"]
    width: Annotated[float, Field(gt=0, le=8)]
    dropout: Fraction


class Augmentation(Params):
    """Ranges of the random changes, drawn anew for every image and epoch.

    Names and units are those of Keras's ImageDataGenerator, which the seed used, as far as it has them.

    Attributes:
        rotation: Largest angle, degrees.
        shift: Largest shift along each axis, as a share of the side.
        shear: Largest shear angle, degrees.
        zoom: Each axis is scaled by a factor in 1 - zoom .. 1 + zoom.
        flip: Whether half of the images are mirrored left to right.
        light: Every grey level is multiplied by a factor in 1 - light .. 1 + light.
        erase: Longest side of a box that is painted over, as a share of the image's (Zhong et al. 2017).
        noise: Largest standard deviation of Gaussian noise, grey levels.
    """

    rotation: Annotated[float, Field(ge=0, le=180)]
    shift: Fraction
    shear: Annotated[float, Field(ge=0, lt=90)]
    zoom: Fraction
    flip: bool
    light: Fraction
    erase: Fraction
    noise: NotNegative


class Growth(Params):
    """Progressive resizing (Howard 2018): the first epochs see `side` pixels, which cost less, the others 48.

    Attributes:
        side: Side of the small images, pixels; the networks halve it three times.
        share: Share of the epochs that see them.
    """

    side: Annotated[int, Field(ge=16, lt=SIDE, multiple_of=8)]
    share: Fraction


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
        optimizer: By its name in Keras; `muon` also for convolutions.
        learning_rate: Largest learning rate.
        schedule: `cosine` rises over `warmup_epochs` and falls to 0; `plateau` follows `plateau`.
        warmup_epochs: Length of the linear rise; only under `cosine`.
        plateau: Only under `plateau`.
        early_stopping: None trains all epochs. The best epoch by val accuracy is kept either way.
        weight_decay: Decoupled under every optimizer, so that `adam` is AdamW (Loshchilov & Hutter 2019); on every
            kernel, not on biases and batch norm.
        label_smoothing: Share of each label that is spread over all emotions (Szegedy et al. 2016); val's are left.
        distillation: Share of each target that the teacher gives, where there is one (Hinton et al. 2015).
        pretrained: Whether the network begins as the first member of the teacher, where there is one, and so is the
            same network.
        mixup: Each image is blended with another of its batch by a share from Beta(mixup, mixup); None blends nothing.
        average_decay: Decay per step of the exponential moving average of the weights, which is scored and kept; None
            keeps the weights themselves.
        precision: `auto` takes `mixed_bfloat16` where that trains faster. The saved model is float32 always.
        augmentation: None trains on the images as they are.
        growth: None trains on 48 pixels throughout; not for dcnn, whose last layers know the side.
    """

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    epochs: Count
    batch_size: Count
    optimizer: Literal["muon", "adam", "nadam", "sgd"]
    learning_rate: Positive
    schedule: Literal["cosine", "plateau"]
    warmup_epochs: NotNegative
    plateau: Plateau
    early_stopping: EarlyStopping | None
    weight_decay: NotNegative
    label_smoothing: Fraction
    distillation: Share
    pretrained: bool
    mixup: Positive | None
    average_decay: Fraction | None
    precision: Literal["auto", "float32", "mixed_bfloat16"]
    augmentation: Augmentation | None
    growth: Growth | None


class TeacherParams(Params):
    """Networks that are trained first, on the faces of all seven emotions, and that the model learns from.

    Attributes:
        members: How many there are. The model learns from their mean, which knows more than each (a deep ensemble,
            Lakshminarayanan et al. 2017).
        model: The network of each.
        train: How each is fitted, the second with the seed after that of the first, and so on; `distillation`
            and `pretrained` say nothing here, for it has no teacher itself.
    """

    members: Annotated[int, Field(ge=1, le=9)]
    model: ModelParams
    train: TrainParams

    @field_validator("model")
    @classmethod
    def of_any_side(cls, model: ModelParams) -> ModelParams:
        """Refuse dcnn: whoever grows with the images asks about small ones too."""
        if model.architecture == "dcnn":
            raise ValueError("dcnn takes images of one side alone, expected resnet")
        return model

    @model_validator(mode="after")
    def with_seeds(self) -> TeacherParams:
        """Demand a seed for each member."""
        if self.train.seed + self.members > 2**32:
            raise ValueError(f"train.seed: found {self.train.seed}, expected at most 2^32 - members: each has its own")
        return self

    def demand_same(self, model: ModelParams) -> None:
        """Check that a model can begin as a member.

        Raises:
            ValueError: It is another network.
        """
        found, expected = (f"{one.architecture} of width {one.width:g}" for one in (model, self.model))
        if found != expected:
            raise ValueError(
                f"train.pretrained: found a {found}, expected the network of its teacher, {expected}; "
                "make them the same, or set train.pretrained to false"
            )

    def train_of(self, number: int) -> TrainParams:
        """Say how the member with this number, from 0, is fitted."""
        return self.train.model_copy(update={"seed": self.train.seed + number})


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
        same_test: Whether candidate and champion must have the same test split, and so the same emotions. Where it is
            off and they differ, nothing can be compared and the absolute rules decide.
        min_agreement: Least share of val images that the .tflite calls as the Keras model does.
        max_bytes: Most bytes of the whole bundle.
        max_latency_ratio: Most time per face, in times of the champion's.
    """

    min_accuracy: Share | None
    min_recall: Share | None
    max_drop: Share | None
    max_drop_from_best: Share | None
    same_test: bool | None
    min_agreement: Share | None
    max_bytes: Count | None
    max_latency_ratio: Positive | None


class Range(Params):
    """What the search may try for one parameter.

    Attributes:
        type: `float` and `int` are uniform between the ends, `log_float` is uniform in the logarithm; `categorical` is
            one of the choices.
        low: Least value; not for `categorical`.
        high: Largest value, included; not for `categorical`.
        choices: Only for `categorical`.
    """

    type: Literal["float", "log_float", "int", "categorical"]
    low: Annotated[float, Field(allow_inf_nan=False)] | None = None
    high: Annotated[float, Field(allow_inf_nan=False)] | None = None
    choices: Annotated[tuple[bool | int | float | str | None, ...], Field(strict=False, min_length=1)] | None = None

    @model_validator(mode="after")
    def in_order(self) -> Range:
        """Demand what the type needs and nothing else: choices, or ends of which the second is larger."""
        if self.type == "categorical":
            if self.choices is None or self.low is not None or self.high is not None:
                raise ValueError("categorical needs `choices`, and nothing else")
            return self
        if self.low is None or self.high is None or self.choices is not None:
            raise ValueError(f"{self.type} needs `low` and `high`, and nothing else")
        if self.low >= self.high:
            raise ValueError("low must be less than high")
        if self.type == "log_float" and self.low <= 0:
            raise ValueError("log_float needs a low above 0")
        if self.type == "int" and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("int needs whole numbers")
        return self

    @property
    def extremes(self) -> tuple[bool | int | float | str | None, ...]:
        """Values that stand for all of them where bounds are checked: every choice, or both ends.

        Of whole numbers also the second, which tells where only multiples are allowed.
        """
        if self.choices is not None:
            return self.choices
        low, high = float(self.low or 0), float(self.high or 0)
        return (int(low), int(low) + 1, int(high)) if self.type == "int" else (low, high)

    def __str__(self) -> str:
        if self.choices is not None:
            return f"one of {', '.join(map(str, self.choices))}"
        return f"{self.type} from {self.low:g} to {self.high:g}"

    def __contains__(self, value: object) -> bool:
        if self.choices is not None:
            return value in self.choices
        low, *_, high = self.extremes
        return isinstance(value, int | float) and low <= value <= high  # type: ignore[operator]


class TuneParams(Params):
    """How better parameters are searched for.

    Attributes:
        n_trials: Most trials of a study, over all its starts.
        epochs: Of each trial, instead of `train.epochs`; None trains all of them.
        train_share: Share of the train split that trials are fitted to, the same faces each time; val is whole.
        sampler: Which values come next. `cmaes` needs the package cmaes, `gp` needs torch.
        pruner: Which trials end early: those below the `median` of the others, by successive halving (`hyperband`),
            or `none`.
        seed: Of the sampler.
        space: Name of a parameter of `model` or `train` -> what may be tried for it.
    """

    n_trials: Count
    epochs: Count | None
    train_share: Annotated[float, Field(gt=0, le=1)]
    sampler: Literal["tpe", "random", "qmc", "cmaes", "gp"]
    pruner: Literal["median", "hyperband", "none"]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    space: Annotated[dict[str, Range], Field(min_length=1)]

    @property
    def shortened(self) -> bool:
        """Whether trials get less than the stage `train`."""
        return self.epochs is not None or self.train_share < 1


SECTIONS: dict[str, type[Params]] = {
    "data": DataParams,
    "model": ModelParams,
    "train": TrainParams,
    "teacher": TeacherParams,
    "baseline": BaselineParams,
    "export": ExportParams,
    "promote": PromoteParams,
    "tune": TuneParams,
}
