"""Compare two runs image by image: which test faces only one gets right, and whether that is more than chance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src import cli, paths

if TYPE_CHECKING:
    import pandas as pd

    from src.report.paired import Disagreement
    from src.tracking.answers import Answers

PICTURES = (".pdf", ".png", ".svg")


def main(argv: list[str] | None = None) -> None:
    parser = cli.parser("compare", __doc__)
    named = "id, name or DVC experiment of a run; or fer-emotion/3, or fer-emotion@champion"
    parser.add_argument("runs", nargs=2, metavar="RUN", help=named)
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"draw it: {', '.join(PICTURES)}; shows faces")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="every face that only one is right about")
    options = parser.parse_args(argv)
    if options.out and options.out.suffix not in PICTURES:
        parser.error(f"--out: found {options.out}, expected {', '.join(PICTURES)}")
    from src.report.paired import Disagreement
    from src.tracking import answers

    first, second = (answers.fetch(words) for words in options.runs)
    check_same_test(first, second)
    found = Disagreement(first.labels, first.probabilities, second.probabilities)
    table = found.by_emotion(first.emotions)
    print(described(first, second, found, table))
    if options.csv:
        with paths.replacing(options.csv) as path:
            disagreements(first, second, found).to_csv(path, index=False)
    if options.out:
        draw(options.out, first, second, found, table)


def check_same_test(first: Answers, second: Answers) -> None:
    """Refuse to compare answers to different images.

    Raises:
        ValueError: The test splits differ.
    """
    if first.test_digest != second.test_digest or not np.array_equal(first.rows, second.rows):
        raise ValueError(
            f"{first.name} was tested on {len(first.labels):,} images of {', '.join(first.emotions)} (sha256 "
            f"{first.test_digest}), {second.name} on {len(second.labels):,} of {', '.join(second.emotions)} "
            f"({second.test_digest}); choose two runs on the same test split"
        )


def described(first: Answers, second: Answers, found: Disagreement, table: pd.DataFrame) -> str:
    """Write the table by emotion and the verdict."""
    from src.report.paired import compare
    from src.tracking.judgement import columns

    heads = ("", "images", "first", "second", "only first right", "only second right", "p")
    rows = [
        (str(name), f"{row.images:,.0f}", f"{row.first:.4f}", f"{row.second:.4f}", f"{row.only_first:.0f}",
         f"{row.only_second:.0f}", f"{row.p:.2g}")
        for name, row in table.iterrows()
    ]  # fmt: skip
    right_first, right_second = found.right()
    return "\n".join([
        f"first:  {first.name}",
        f"second: {second.name}",
        f"the shipped .tflite of each, on the same test split (sha256 {first.test_digest}):",
        "",
        *columns([heads, *rows]),
        "",
        f"the second against the first: {compare(right_second, right_first)}",
    ])  # fmt: skip


def disagreements(first: Answers, second: Answers, found: Disagreement) -> pd.DataFrame:
    """Give one line per face that only one is right about: row in the source, true emotion, both answers."""
    import pandas as pd

    chosen = np.sort(np.concatenate([found.only(0), found.only(1)]))
    names = np.array(first.emotions)
    return pd.DataFrame({
        "row": first.rows[chosen],
        "true": names[found.labels[chosen]],
        first.name: names[found.first[chosen].argmax(axis=1)],
        second.name: names[found.second[chosen].argmax(axis=1)],
    })  # fmt: skip


def draw(out: Path, first: Answers, second: Answers, found: Disagreement, table: pd.DataFrame) -> None:
    """Draw the picture, with faces where this workspace has the same test split."""
    from src.report import faces_apart

    images = faces_of(first)
    figure = faces_apart.draw(found, table, first.emotions, (first.name, second.name), images)
    with paths.replacing(out) as path:
        figure.savefig(path, dpi=120)
    if images is None:
        print(f"{out} shows no faces: data/processed/test.npz is not the test split of these runs")


def faces_of(asked: Answers) -> np.ndarray | None:
    """Give the test images (n, 48, 48, 1) uint8, if this workspace has those that were asked."""
    from src.faces import splits

    if not (paths.PROCESSED / "test.npz").exists():
        return None
    test = splits.load("test")
    return test.images if splits.digest(test, asked.emotions).startswith(asked.test_digest) else None


if __name__ == "__main__":
    cli.run(main)
