"""What a run is, apart from what it does, and how a store is told."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from src.tracking.lineage import Code

COMPUTE = ("keras", "numpy", "opencv-python-headless")


class Description(NamedTuple):
    """What a run is, apart from what it does; enough to make it anew in a store that does not know it.

    Attributes:
        experiment: Name of the experiment.
        name: Name of the run, said by what differs.
        params: Every value under its name in params.yaml.
        tags: Facts that one filters by.
        lineage: Tags that say which code ran where, by whom, as `lineage.tags` gives them.
        datasets: Split -> (digest, number of images).
        source: Where the faces came from, in a word.
        changes: What the working tree held beyond the commit, as `lineage.changes` gives it.
        packages: Package -> version, of all that are installed.
    """

    experiment: str
    name: str
    params: dict[str, Any]
    tags: dict[str, str]
    lineage: dict[str, str]
    datasets: dict[str, tuple[str, int]]
    source: str
    changes: str
    packages: dict[str, str]

    def identity(self) -> dict[str, Any]:
        """Give what decides about the trained weights, besides the code."""
        seen = {split: digest for split, (digest, _) in self.datasets.items() if split != "test"}
        tags = {name: self.tags[name] for name in ("backend", "precision", "teacher")}
        packages = computing(self.packages, self.tags["backend"])
        return {"params": self.params, "datasets": seen, "tags": tags, "packages": packages}


def computing(packages: dict[str, str], backend: str) -> dict[str, str | None]:
    """Give those of these packages that decide about the trained weights, Keras's backend among them."""
    return {name: packages.get(name) for name in (*COMPUTE, backend)}


def describe(client: Any, run_id: str, description: Description) -> None:
    """Tell the store everything that is known before the training: parameters, tags, data, and the lineage as files."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Param, RunTag

    tags = description.lineage | description.tags | {"mlflow.runName": description.name}
    client.log_batch(
        run_id,
        params=[Param(name, str(value)) for name, value in description.params.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    log_code(client, run_id, description.changes, description.packages)
    source = json.dumps({"uri": description.source})
    datasets = [
        DatasetInput(
            Dataset(split, digest[:12], "local", source, profile=json.dumps({"num_rows": images, "sha256": digest})),
            [InputTag("mlflow.data.context", split)],
        )
        for split, (digest, images) in description.datasets.items()
    ]
    client.log_inputs(run_id, datasets=datasets)


def log_code(client: Any, run_id: str, changes: str, packages: dict[str, str]) -> None:
    """Put into a run's files what its commit does not tell: changes beyond it, none too, and the packages."""
    client.log_text(run_id, listed(packages), "lineage/packages.txt")
    client.log_text(run_id, changes, "lineage/changes.diff")


def listed(packages: dict[str, str]) -> str:
    """Give the packages as pip reads them."""
    return "".join(f"{name}=={version}\n" for name, version in packages.items())


def way_back(run_id: str, place: str, description: Description, code: Code, locked: bool) -> str:
    """Tell, as markdown, the commands that bring one to the code, the parameters and the data of a version.

    Args:
        run_id: Its run, in the store that the text stands in.
        place: The folder `lineage` in the run's artifacts that is the version's.
        description: Of the run.
        code: What made the files of the version.
        locked: Whether a dvc.lock tells of its files; a stage that was run by hand leaves none.
    """
    backend = description.tags["backend"]
    repro = "dvc repro"
    if backend != "tensorflow":  # which exports, and trains the teacher
        repro = f"dvc repro teacher && KERAS_BACKEND={backend} dvc repro -s train && dvc repro"
    lines = [
        f"git checkout {code.commit}" if code.commit else "# the commit is not known: this was no git repository",
        "# its packages: pip install --require-hashes -r requirements.txt; those of then: lineage/packages.txt",
        f"mlflow artifacts download --run-id {run_id} --artifact-path {place} --dst-path .",
        *(["git apply --allow-empty lineage/changes.diff"] if code.changes else []),
        "cp lineage/params.yaml .",
        *(
            ["cp lineage/dvc.lock .", f"dvc pull --with-deps evaluate    # or, where no remote has it: {repro}"]
            if locked
            else [repro]
        ),
    ]
    about = (
        f"Run {description.name} (`{run_id}`), data {description.tags['data_digest'][:12]} from {description.source}; "
        f"trained by {backend} in {description.tags['precision']}."
    )
    return "\n".join(["## The way back to what made it", "", about, "", "```bash", *lines, "```", ""])
