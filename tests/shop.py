"""A workspace with a registry, as tests of promotion and hand-over see it."""

from dataclasses import dataclass
from pathlib import Path

from src import cli
from src.faces.drawn import draw
from src.params import PromoteParams
from src.tracking import bundle, registry, store
from src.tracking.examination import Exam

DRAWN = "fer-emotion-drawn"
LABELS = ("happy", "sad", "neutral")


@dataclass
class Shop:
    """A workspace in the current folder, as far as `promote` and `deploy` look at it.

    Attributes:
        models: `good`, `fair` and `poor` -> content of the .tflite file.
        exam: Its test split.
        params: Its rules.
    """

    models: dict[str, bytes]
    exam: Exam
    params: PromoteParams

    def add(self, model: str, name: str = DRAWN, run_id: str | None = None, **facts: object) -> str:
        """Make a bundle, register it as of a run, or a new one, and give the version's number.

        `facts` replaces what the manifest says.
        """
        client = store.connect()
        manifest = {
            "name": name, "drawn": name == DRAWN, "protocol": "official", "test_digest": self.exam.digest,
            "labels": list(LABELS), "metrics": {"mobile/agreement": 1.0}, **facts,
        }  # fmt: skip
        with cli.hushed():
            bundle.write(Path("bundle"), self.models[model], draw(3, seed=7)[0][..., None], "# card\n", manifest)
        Path("model.keras").write_bytes(b"not asked for here")
        run_id = run_id or client.create_run(store.named_experiment(client, name)).info.run_id
        tags = {
            "bundle": bundle.digest(Path("bundle")), "val_accuracy": "0.9", "emotions": ", ".join(LABELS),
            "protocol": "official", "data_digest": "d", "test_digest": self.exam.digest,
        }  # fmt: skip
        Path("evidence").mkdir(exist_ok=True)
        sources = Path("bundle"), Path("model.keras"), Path("evidence")
        place = registry.free_place(run_id, tags["bundle"])
        return str(registry.register(name, run_id, place, *sources, tags, "").version)

    def files(self, version: str, name: str = DRAWN) -> Path:
        """Give the folder in which the store keeps a version's bundle."""
        source = store.connect().get_model_version_download_uri(name, version)
        return Path(source.removeprefix("file://")) / "artifacts" / "bundle"

    def champion(self, name: str = DRAWN) -> str | None:
        """Give the number of the champion."""
        found = store.connect().get_registered_model(name).aliases.get("champion")
        return found and str(found)
