"""Assemble the bundle, and make it a version of the registered model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from src import cli, paths
from src.faces import drawn, splits
from src.faces.crop import FER2013_CROP
from src.report import card
from src.tracking import bundle, lineage, outputs, registry, runs, sending, store, versions
from src.tracking.description import way_back

GOLDEN_SEED = 7
GOLDEN_FACES = 14
MANIFEST_METRICS = (
    "test/accuracy",
    "test/accuracy_low",
    "test/accuracy_high",
    "test/macro_f1",
    "test/images",
    "mobile/val_accuracy",
    "mobile/agreement",
)


def manifest_facts(
    run_id: str, description: runs.Description, code: lineage.Code, summary: dict, metrics: dict[str, float]
) -> dict[str, Any]:
    """Say what the manifest holds besides its files; no version and no time: equal models make equal bundles."""
    return {
        "name": description.experiment,
        "run": run_id,
        "git_commit": code.commit,
        "git_dirty": bool(code.changes),
        "architecture": description.tags["architecture"],
        "drawn": summary["source"]["kind"] == "drawn",
        "protocol": summary["protocol"],
        "data_digest": summary["digest"],
        "test_digest": summary["splits"]["test"]["digest"],
        "labels": summary["emotions"],
        "input": {"shape": [1, 48, 48, 1], "dtype": "uint8", "range": [0, 255]},
        "crop": FER2013_CROP._asdict(),
        "metrics": {name: metrics[name] for name in MANIFEST_METRICS},
    }


def version_tags(facts: dict[str, Any], size: int) -> dict[str, str]:
    """Give the tags of the version, by which one filters in the registry."""
    return {
        "test_accuracy": f"{facts['metrics']['test/accuracy']:.4f}",
        "val_accuracy": f"{facts['metrics']['mobile/val_accuracy']:.4f}",
        "emotions": ", ".join(facts["labels"]),
        "protocol": facts["protocol"],
        "data_digest": facts["data_digest"],
        "test_digest": facts["test_digest"],
        "git_commit": facts["git_commit"] or "unknown",
        "git_dirty": str(facts["git_dirty"]).lower(),
        "architecture": facts["architecture"],
        "bytes": str(size),
        "bundle": bundle.digest(paths.BUNDLE),
        "faces": "drawn by code" if facts["drawn"] else "FER2013",
    }


def main(argv: list[str] | None = None) -> None:
    cli.parser("register", __doc__).parse_args(argv)
    outputs.demand_current()
    run_id, description = outputs.read_run()
    exported, scored = outputs.read_exported(), outputs.read_scored()
    model = outputs.shipped_file(exported).read_bytes()
    metrics = sending.mobile_metrics(exported) | sending.test_metrics(scored)
    code = lineage.Code(**exported["code"])
    facts = manifest_facts(run_id, description, code, splits.load_summary(), metrics)
    faces = drawn.draw(GOLDEN_FACES, GOLDEN_SEED)[0][..., None]
    model_card = card.write(facts, scored, pd.read_csv(paths.existing(paths.REPORTS / "robustness.csv", "evaluate")))
    with cli.hushed(), tempfile.TemporaryDirectory() as folder:
        bundle.write(paths.BUNDLE, model, faces, model_card, facts)
        run_here = sending.send_all()
        sending.gather_evidence(evidence := Path(folder) / versions.EVIDENCE)
        tags = version_tags(facts, len(model))
        place = registry.free_place(run_here, tags["bundle"])
        back = way_back(
            run_here, f"{place}/{versions.EVIDENCE}/lineage", description, code, locked=bool(lineage.data_tags())
        )
        keras_model = paths.existing(paths.MODELS / "model.keras", "train")
        done = registry.register(
            facts["name"], run_here, place, paths.BUNDLE, keras_model, evidence, tags, f"{model_card}\n{back}"
        )
    paths.write_json(
        paths.MODELS / "registered.json",
        {"store": store.shown_uri(), "run": run_here, "name": facts["name"], "version": done.version},
    )
    print(f"{facts['name']} version {done.version}{'' if done.is_new else ' (there already)'}, {done.state}")


if __name__ == "__main__":
    cli.run(main)
