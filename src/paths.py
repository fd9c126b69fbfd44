"""Where things lie, relative to the workspace (the folder with dvc.yaml and params.yaml)."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
PROCESSED = Path("data/processed")
PROCESSED_TEACHER = PROCESSED / "teacher"
MODELS = Path("models")
BASELINE = MODELS / "baseline"
TEACHER = MODELS / "teacher"
MOBILE = MODELS / "mobile"
BUNDLE = MODELS / "bundle"
REPORTS = Path("reports")
DATA_REPORT = REPORTS / "data"
DEPLOYED = Path("app/public/model")
CHECKPOINTS = Path(".checkpoints")


def teacher(number: int) -> Path:
    """Give the folder of the member of the teacher with this number, from 0."""
    return TEACHER / str(number + 1)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`, renamed to it only if the block succeeds.

    The folder is made if it is missing. Whatever kills the block, `path` holds the old file or the new one, whole.

    Raises:
        OSError: `path` is there and no file, as /dev/stdout.
    """
    if path.exists() and (not path.is_file() or path.absolute().parent == Path("/dev")):  # may lead to a file
        raise OSError(f"{path} is no file, expected one or a new name; choose another")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")  # keeps the suffix: keras and numpy choose by it
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())  # else a power cut may leave the new name without the content
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON for people and diffs, all of it or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, stage: str) -> dict:
    """Read what a stage wrote by `write_json`.

    Raises:
        ValueError: The file is damaged.
        FileNotFoundError: There is none; the message names the stage.
    """
    try:
        return json.loads(existing(path, stage).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}), expected JSON; run `dvc repro -f {stage}`") from None


def existing(path: Path, stage: str) -> Path:
    """Give back `path` if it is there.

    Raises:
        FileNotFoundError: It is not; the message names the stage that makes it.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing, expected from the stage `{stage}`; run `dvc repro {stage}`")
    return path
