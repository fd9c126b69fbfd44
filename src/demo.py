"""Run the whole workflow on faces drawn by code, in the workspace .demo/: no network, no account."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from src import cli, paths
from src.config import changed
from src.deploy import NEWER

ROOT = Path(__file__).resolve().parents[1]
WORKSPACE = Path(".demo")
SHORT = {
    "data.source": "drawn",
    "teacher": None,
    "train.epochs": 10,
    "train.learning_rate": 0.01,
    "train.warmup_epochs": 1,
    "train.average_decay": 0.9,
}
"""What differs from params.yaml: enough to learn drawn faces in seconds."""

REFUSED = 1
"""Exit status of `promote` when the gate says no."""


def make_workspace(folder: Path, values: dict[str, Any]) -> None:
    """Make `folder` a workspace of the same stages with other parameters, or bring it up to date.

    Args:
        folder: Gets dvc.yaml, params.yaml, .dvc and a link to the one source.
        values: Name in params.yaml -> value, for those that differ from the project's params.yaml.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "src").unlink(missing_ok=True)  # a copied or moved checkout has a link to where it was
    (folder / "src").symlink_to(ROOT / "src", target_is_directory=True)
    shutil.copyfile(ROOT / "dvc.yaml", folder / "dvc.yaml")
    with paths.replacing(folder / paths.PARAMS) as path:
        path.write_text(changed((ROOT / paths.PARAMS).read_text(encoding="utf-8"), values), encoding="utf-8")
    if not (folder / ".dvc").exists():
        call(folder, "dvc", "init", "--quiet", "--no-scm")
        shutil.copyfile(ROOT / ".dvc/config", folder / ".dvc/config.local")


def call(folder: Path, *words: str, expected: tuple[int, ...] = (0,)) -> int:
    """Run `python -m <words>` in a workspace, which keeps its own store whatever the environment says, and to itself.

    Raises:
        ChildProcessError: The exit status is none of those expected; the command has said why on stderr.
    """
    ours = ("DVC_", "FER_SIGNING_KEY", "MLFLOW_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    environment["DVC_NO_ANALYTICS"] = "true"  # until .dvc/config.local is there, which says so too
    return cli.call(*words, folder=folder, environment=environment, expected=expected)


def hand_over(folder: Path) -> None:
    """Take the candidate through the gate, put the champion's bundle in place, and ask it about a photo."""
    import matplotlib as mpl

    photo = "grace_hopper.jpg"
    shutil.copyfile(Path(mpl.get_data_path()) / "sample_data" / photo, folder / photo)
    to = str(paths.DEPLOYED)
    print()
    if call(folder, "src.promote", expected=(0, REFUSED)) == REFUSED and not (folder / paths.DEPLOYED).exists():
        print("\nnothing to deploy: no version was promoted (see above)")
        return
    if call(folder, "src.deploy", "--to", to, "--check", expected=(0, NEWER)) == NEWER:
        call(folder, "src.deploy", "--to", to)
    print()
    call(folder, "src.predict", photo, "--bundle", to)


def results(folder: Path) -> str:
    """Give the table of what the demo reached, the registry's state and how to look at the runs."""
    from src.tracking import registry

    scored = json.loads((folder / paths.REPORTS / "metrics.json").read_text(encoding="utf-8"))
    exported = json.loads((folder / paths.MOBILE / "variants.json").read_text(encoding="utf-8"))
    registered = json.loads((folder / paths.MODELS / "registered.json").read_text(encoding="utf-8"))
    shipped = exported["variants"][exported["shipped"]]
    test = scored["test"]
    interval = f"{test['accuracy_low']:.1%} to {test['accuracy_high']:.1%}"
    lines = [
        "",
        "Drawn faces, test split, the .tflite that ships:",
        f"  accuracy    {test['accuracy']:.1%} (95 % interval {interval})",
        *(f"  recall      {row['recall']:.1%} {emotion}" for emotion, row in scored["per_emotion"].items()),
        f"  size        {shipped['bytes']:,} bytes ({exported['shipped']})",
        f"  latency     {shipped['latency_ms']:.2f} ms on one thread of this machine",
        "",
        "Registry:",
        *(f"  {line}" for line in registry.describe(registered["name"], registered["store"])),
        "",
        "Compare runs in the browser (choose Model training at the top left):",
        f"  {Path(sys.executable).parent}/mlflow ui --backend-store-uri sqlite:///{folder.resolve()}/mlflow.db",
        "",
        "Open the app with this model, camera and all (builds it; needs node 20.19 or 22.12):",
        f"  make app WORKSPACE={folder}",
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    cli.parser("demo", __doc__).parse_args(argv)
    make_workspace(WORKSPACE, SHORT)
    call(WORKSPACE, "dvc", "repro")
    hand_over(WORKSPACE)
    print(results(WORKSPACE))


if __name__ == "__main__":
    cli.run(main)
