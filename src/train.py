"""Fit the classifier on the train split, watching the val split."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from src import cli, paths
from src.config import add_options, flat, read_optional, read_params
from src.faces import splits
from src.fer2013 import Split
from src.network import checkpoints
from src.params import DataParams, ModelParams, TeacherParams, TrainParams
from src.tracking import lineage, outputs, runs

if TYPE_CHECKING:
    from src.network.distillation import Teacher


def describe(data: DataParams, model: ModelParams, train: TrainParams, summary: dict, teacher: str) -> runs.Description:
    """Say what the run of this training is: its name, parameters, tags and data; `teacher` names its runs."""
    import keras

    from src.network import precision

    params = flat("data", data) | flat("model", model) | flat("train", train)
    return runs.Description(
        experiment=data.registered_model,
        name=lineage.run_name(params),
        params=params,
        tags={
            "faces": "drawn by code" if data.source == "drawn" else "FER2013",
            "architecture": model.architecture,
            "emotions": ", ".join(summary["emotions"]),
            "protocol": summary["protocol"],
            "data_digest": summary["digest"],
            "backend": keras.backend.backend(),
            "precision": precision.resolve(train.precision),
            "teacher": teacher,
        },
        lineage=lineage.tags(),
        datasets={name: (split["digest"], split["images"]) for name, split in summary["splits"].items()},
        source=f"{data.source}, md5 {summary['source']['md5']}" if summary["source"]["md5"] else data.source,
        changes=lineage.changes(),
        packages=lineage.packages(),
    )


def train_into(
    folder: Path,
    kept: Path,
    description: runs.Description,
    model: ModelParams,
    train: TrainParams,
    faces: tuple[Split, Split],
    classes: int,
    teacher: Teacher | None = None,
) -> None:
    """Train one network in an MLflow run of its own, or go on with it; write it, its history and its run to `folder`.

    Args:
        folder: Gets model.keras, history.csv and run.json.
        kept: Folder of the checkpoint, as `checkpoints.opened` gives it.
        description: What the run is.
        model: The network.
        train: How it is fitted.
        faces: The train and the val split.
        classes: Number of emotions.
        teacher: Whom the network learns from besides the labels.
    """
    with cli.hushed():
        from src.network.fitting import fit
    checkpoint = checkpoints.load(kept)
    history = checkpoint.state.history if checkpoint else []
    with runs.training(description, checkpoint and checkpoint.run_id, history) as run:
        images = len(faces[0].labels)
        with cli.progress(train.epochs * images, "train", done=len(history) * images) as bar:
            result = fit(
                model,
                train,
                *faces,
                classes,
                teacher,
                on_epoch_end=keeper(kept, run, bar.write),
                on_batch_end=bar.update,
                resume=checkpoint and checkpoint.state,
            )
        (folder / "run.json").unlink(missing_ok=True)  # written last: what a kill leaves is no other run's
        with paths.replacing(folder / "model.keras") as path:
            result.model.save(path)
        with paths.replacing(folder / "history.csv") as path:
            epochs = pd.RangeIndex(1, len(result.history) + 1, name="epoch")
            pd.DataFrame(result.history, index=epochs).to_csv(path)
        paths.write_json(folder / "run.json", {"run_id": run.id, **description._asdict()})
    best = result.history[result.best_epoch]
    print(
        f"best epoch {result.best_epoch + 1} of {len(result.history)}: val accuracy {best['val_accuracy']:.4f}, "
        f"temperature {result.temperature:.2f}"
    )


def keeper(folder: Path, run: runs.Run, write: Callable[[str], None]) -> Callable[[checkpoints.State], bool]:
    """Give the hook that keeps each epoch: the checkpoint first, then MLflow, then a line for people."""
    started = time.monotonic()

    def keep(state: checkpoints.State) -> bool:
        nonlocal started
        now = time.monotonic()
        metrics = state.history[-1]
        metrics["seconds"], started = round(now - started, 3), now
        checkpoints.save(folder, checkpoints.Checkpoint(state, run.id))
        run.log_epoch(len(state.history), metrics)
        write(
            f"epoch {len(state.history)}: loss {metrics['loss']:.4f}, accuracy {metrics['accuracy']:.4f}, "
            f"val loss {metrics['val_loss']:.4f}, val accuracy {metrics['val_accuracy']:.4f}, "
            f"{metrics['seconds']:.0f} s"
        )
        return False

    return keep


def load_teacher(
    emotions: tuple[str, ...], model: ModelParams, train: TrainParams
) -> tuple[Teacher, str] | tuple[None, None]:
    """Give the teacher of params.yaml, asked about these emotions, and the ids of its runs; neither where none is."""
    params = read_optional(TeacherParams)
    if params is None:
        return None, None
    if train.pretrained:
        params.demand_same(model)
    run_ids = outputs.read_teacher(params)
    from src.network import distillation

    return distillation.load(params, emotions), run_ids


def main(argv: list[str] | None = None) -> None:
    parser = cli.parser("train", __doc__)
    add_options(parser, ModelParams, TrainParams)
    options = parser.parse_args(argv)
    asked = checkpoints.ask("model", "train")
    data = read_params(DataParams)
    model, train = read_params(ModelParams, options), read_params(TrainParams, options)
    summary = splits.load_summary()
    data.demand_prepared(summary)
    if train.growth and model.architecture == "dcnn":
        raise ValueError("train.growth: found it with dcnn, which takes images of one side alone; expected null")
    with cli.hushed():
        teacher, teacher_run = load_teacher(data.emotions, model, train)
        description = describe(data, model, train, summary, teacher_run or "none")
    faces = splits.load("train"), splits.load("val")
    with checkpoints.opened(description.identity(), asked) as kept:
        train_into(paths.MODELS, kept, description, model, train, faces, len(data.emotions), teacher)


if __name__ == "__main__":
    cli.run(main)
