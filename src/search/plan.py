"""What a search is about: the space of params.yaml, checked, and the training that a point of it stands for."""

from __future__ import annotations

import hashlib
import json
from argparse import Namespace
from itertools import combinations, product
from typing import Any, NamedTuple

from src import paths
from src.config import flat, read_optional, read_params, replaced
from src.faces import splits
from src.network import checkpoints
from src.params import DataParams, ModelParams, Range, TeacherParams, TrainParams, TuneParams
from src.search.workers import Job
from src.tracking import lineage, outputs
from src.tracking.description import computing

DIGITS = 4
"""Significant digits of a number that the search tries: params.yaml is for people."""


class Plan(NamedTuple):
    """Everything that the trials of a study share.

    Attributes:
        data: The section `data`.
        model: The section `model`, today's.
        train: The section `train`, today's.
        tune: The section `tune`.
        teacher: The section `teacher`; None: no teacher.
        teacher_run: Ids of the runs that trained the teacher, as its students' tag `teacher` has them.
        summary: What `preprocess` says of the splits.
        platform: What the processes that train say that they compute with; empty as long as none was asked.
    """

    data: DataParams
    model: ModelParams
    train: TrainParams
    tune: TuneParams
    teacher: TeacherParams | None
    teacher_run: str | None
    summary: dict[str, Any]
    platform: dict[str, str]

    @property
    def everything(self) -> dict[str, Any]:
        """Every value of `model` and `train` under its name in params.yaml."""
        return flat("model", self.model) | flat("train", self.train)

    @property
    def today(self) -> dict[str, Any]:
        """Today's values of the parameters that are searched."""
        return {name: self.everything[name] for name in self.tune.space}

    @property
    def precision(self) -> str:
        """The precision of the trials; `auto` where they differ in it."""
        return "auto" if "train.precision" in self.tune.space else self.train.precision

    def job(self, values: dict[str, Any], full: bool = False) -> Job:
        """Say what to train for these values of the searched parameters.

        A shortened training runs through the whole schedule: the warm-up shrinks with the epochs.

        Args:
            values: Name in params.yaml -> value.
            full: As the stage `train` would, however short trials are.

        Raises:
            ValueError: A section refuses a value, or the network can't begin as its teacher.
        """
        model, train = replaced(self.model, values), replaced(self.train, values)
        if self.teacher and train.pretrained:
            self.teacher.demand_same(model)
        if full:
            return Job(model, train, share=1.0)
        if self.tune.epochs is not None:
            warmup = train.warmup_epochs * self.tune.epochs / train.epochs
            short = {"train.epochs": self.tune.epochs, "train.warmup_epochs": round(warmup, DIGITS)}
            train = replaced(train, short)
        return Job(model, train, self.tune.train_share)

    def values(self, found: dict[str, Any]) -> dict[str, Any]:
        """Round what a sampler suggests, within the space."""
        return {name: _rounded(value, self.tune.space[name]) for name, value in found.items()}

    def settings(self) -> dict[str, str]:
        """Give what two trials must share to be compared; trials with other settings make another study.

        It is what a checkpoint and the training that goes on from it must share, but for the searched parameters.
        """
        fixed = {name: value for name, value in self.everything.items() if name not in self.tune.space}
        space = {f"tune.space.{name}": values for name, values in self.tune.space.items()}
        short = {"tune.epochs": self.tune.epochs, "tune.train_share": self.tune.train_share}
        data = {"data.emotions": ", ".join(self.summary["emotions"]), "data digest": self.summary["digest"]}
        data["teacher run"] = str(self.teacher_run)
        packages = computing(lineage.packages(), self.platform.get("backend", "keras"))
        code = {"code digest": checkpoints.digest({})[:12], **self.platform, **packages}
        return {name: str(value) for name, value in (data | code | fixed | space | short).items()}

    def demand_same_teacher(self) -> None:
        """Check that the teacher that is here is the one that the search began with.

        Raises:
            OSError: It is another, or gone.
        """
        if not self.teacher:
            return
        here = ", ".join(outputs.read_run(paths.teacher(number))[0] for number in range(self.teacher.members))
        if here != self.teacher_run:
            raise OSError(
                f"{paths.TEACHER} is of the runs {here}, it was of {self.teacher_run} when this search began; "
                "put it back, or start the search again"
            )

    def demand_same_params(self, winner: dict[str, Any]) -> None:
        """Check that params.yaml says of all but the search what it said when the search began, or the winner's values.

        Another process of this search may have applied them.

        Raises:
            ValueError: It does not.
        """
        teacher = read_optional(TeacherParams)
        now = {**_flat(read_params(DataParams), teacher), **flat("model", read_params(ModelParams))}
        now |= flat("train", read_params(TrainParams))
        then = _flat(self.data, self.teacher) | self.everything
        for name in now | then:
            if now.get(name) not in (then.get(name), winner.get(name, then.get(name))):
                raise ValueError(
                    f"{paths.PARAMS}: {name} is {now.get(name)}, it was {then.get(name)} when this search began; "
                    "put it back, or start the search again"
                )

    def name(self) -> str:
        """Give the study's name where nobody chose one: the same settings go on in the same study."""
        digest = hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode()).hexdigest()
        network = "any" if "model.architecture" in self.tune.space else self.model.architecture
        return f"{network}-{len(self.summary['emotions'])}-{self.summary['protocol']}-{digest[:6]}"


def _flat(data: DataParams, teacher: TeacherParams | None) -> dict[str, Any]:
    return flat("data", data) | (flat("teacher", teacher) if teacher else {"teacher": None})


def read_plan(options: Namespace) -> Plan:
    """Read and check what the search is about.

    Raises:
        ValueError: A parameter of the space is unknown, can't take a value of its range, or today's is not in there;
            dcnn would be tried on small images; a network can't begin as its teacher; or the splits or the teacher were
            made with other parameters.
        FileNotFoundError: The splits, or the teacher, are missing.
    """
    summary = splits.load_summary()
    data = read_params(DataParams)
    data.demand_prepared(summary)
    teacher = read_optional(TeacherParams)
    plan = Plan(
        data,
        read_params(ModelParams),
        read_params(TrainParams),
        read_params(TuneParams, options),
        teacher,
        outputs.read_teacher(teacher) if teacher else None,
        summary,
        platform={},
    )
    plan.job({})
    for name, values in plan.tune.space.items():
        _check(plan, name, values)
    for pair in combinations(plan.tune.space, 2):
        _try(plan, *pair)
    searched = plan.tune.space.get("model.architecture")
    if plan.train.growth and "dcnn" in (searched.extremes if searched else [plan.model.architecture]):
        raise ValueError(
            f"{paths.PARAMS}: {'tune.space.' if searched else ''}model.architecture: found dcnn with train.growth on, "
            "expected another, because its dense layers know the side of its images; leave dcnn out, or set "
            "train.growth to null"
        )
    return plan


def _check(plan: Plan, name: str, values: Range) -> None:
    where = f"{paths.PARAMS}: tune.space.{name}"
    if name not in plan.everything:
        raise ValueError(f"{where}: unknown parameter, expected one of {', '.join(plan.everything)}")
    if name == "train.epochs" and plan.tune.epochs is not None:
        raise ValueError(f"{where}: every trial has {plan.tune.epochs} epochs; set tune.epochs to null to search them")
    _try(plan, name)
    if plan.everything[name] not in values:
        raise ValueError(
            f"{where}: found {values}, expected it to hold today's {plan.everything[name]}, because the first trial "
            "is today's params.yaml; widen it, or change that value"
        )


def _try(plan: Plan, *names: str) -> None:
    """Demand that every combination of the extremes of these parameters can be trained, today's values for the rest."""
    for values in product(*(plan.tune.space[name].extremes for name in names)):
        try:
            plan.job(dict(zip(names, values, strict=True)), full=True)
        except ValueError as error:
            where = " with ".join(f"tune.space.{name}" for name in names)
            raise ValueError(f"{paths.PARAMS}: {where} would try what is refused: {error}") from None


def _rounded(value: Any, allowed: Range) -> Any:
    if not isinstance(value, float) or allowed.choices is not None:
        return value
    low, high = allowed.low or 0, allowed.high or 0
    return min(max(float(f"{value:.{DIGITS}g}"), low), high)
