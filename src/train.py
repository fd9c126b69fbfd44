"""Fit the classifier on the train split, watching the val split."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from src import cli, paths
from src.faces import splits
from src.network import checkpoints
from src.params import DataParams, ModelParams, TrainParams, add_options, flat, read_params
from src.tracking import lineage, runs


def describe(data: DataParams, model: ModelParams, train: TrainParams, summary: dict) -> runs.Description:
    """Say what the run of this training is: its name, parameters, tags and data."""
    import keras

    from src.network import precision

    emotions = summary["emotions"]
    drawn = data.source == "drawn"
    params = flat("data", data) | flat("model", model) | flat("train", train)
    return runs.Description(
        experiment="fer-emotion-drawn" if drawn else "fer-emotion",
        name=lineage.run_name(params),
        params=params,
        tags={
            "faces": "drawn by code" if drawn else "FER2013",
            "architecture": model.architecture,
            "emotions": ", ".join(emotions),
            "protocol": summary["protocol"],
            "data_digest": summary["digest"],
            "backend": keras.backend.backend(),
            "precision": precision.resolve(train.precision),
        },
        lineage=lineage.tags(),
        datasets={name: (split["digest"], split["images"]) for name, split in summary["splits"].items()},
        source=summary["source"]["name"],
        changes=lineage.changes(),
        packages=lineage.packages(),
    )


def main(argv: list[str] | None = None) -> None:
    parser = cli.parser("train", __doc__)
    add_options(parser, ModelParams, TrainParams)
    options = parser.parse_args(argv)
    data = read_params(DataParams)
    model, train = read_params(ModelParams, options), read_params(TrainParams, options)
    summary = splits.load_summary()
    train_split, val_split = splits.load("train"), splits.load("val")

    with cli.hushed():
        from src.network.fitting import fit

        description = describe(data, model, train, summary)
    folder = checkpoints.folder(description.identity())
    checkpoint = checkpoints.load(folder)
    history = checkpoint.state.history if checkpoint else []
    with runs.training(description, checkpoint and checkpoint.run_id, history) as run:
        with cli.progress(train.epochs * len(train_split.labels), "train") as bar:
            bar.update(len(history) * len(train_split.labels))
            result = fit(
                model,
                train,
                train_split,
                val_split,
                classes=len(summary["emotions"]),
                on_epoch_end=keeper(folder, run, bar.write),
                on_batch_end=bar.update,
                resume=checkpoint and checkpoint.state,
            )
        with paths.replacing(paths.MODELS / "model.keras") as path:
            result.model.save(path)
        with paths.replacing(paths.MODELS / "history.csv") as path:
            epochs = pd.RangeIndex(1, len(result.history) + 1, name="epoch")
            pd.DataFrame(result.history, index=epochs).to_csv(path)
        paths.write_json(paths.MODELS / "run.json", {"run_id": run.id, **description._asdict()})
    shutil.rmtree(folder)
    best = result.history[result.best_epoch]
    print(f"best epoch {result.best_epoch + 1} of {len(result.history)}: val accuracy {best['val_accuracy']:.4f}")


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


if __name__ == "__main__":
    cli.run(main)
