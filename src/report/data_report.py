"""The data report: what the faces are like, before anything is learned from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from src.fer2013 import EMOTIONS, USAGES
from src.report import gallery, page, style
from src.report.data import COLUMNS, Data, copies, counts, duplicates, pixels


def figures(data: Data) -> dict[str, Figure]:
    """Draw every figure, by its name; where nothing is there twice, no copies."""
    found = {
        "counts": draw_counts(counts(data)),
        "faces": gallery.grid(
            data.images,
            gallery.random_faces(data.emotions, len(EMOTIONS), COLUMNS),
            "Faces of each emotion",
            rows=EMOTIONS,
        ),
        "mean_faces": draw_mean_faces(data),
        "pixels": draw_pixels(data),
    }
    pairs = {kind: positions for kind, positions in copies(data).items() if len(positions)}
    if pairs:
        found["copies"] = draw_copies(data, pairs)
    return found


def draw_counts(table: pd.DataFrame) -> Figure:
    """Draw the table of `counts` as bars, the source beside the splits."""
    used = table[["train", "val", "test"]]
    figure = style.canvas(11, 6.4)
    for axes, part, title in zip(
        figure.subplots(1, 2),
        (table[list(USAGES)], used[used.any(axis=1)]),
        ("All images of the source", "Images in the splits"),
        strict=True,
    ):
        long = part.melt(ignore_index=False, var_name="part", value_name="images").reset_index()
        sns.barplot(long, x="images", y="emotion", hue="part", palette=list(style.SPLITS.values()), ax=axes)
        for bars in axes.containers:
            axes.bar_label(bars, fmt="{:,.0f}", padding=3, size=9)
        axes.set(title=title, ylabel="", xmargin=0.15)
        axes.legend(title=None, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3)
    return figure


def draw_mean_faces(data: Data) -> Figure:
    """Draw the mean of all faces of each emotion."""
    codes = np.unique(data.emotions)
    means = np.array([data.images[data.emotions == code].mean(axis=0) for code in codes])
    means = 255 * (means - means.min()) / max(np.ptp(means), 1)  # all alike; unstretched they are nearly one grey
    numbers = np.bincount(data.emotions)[codes]
    captions = {at: f"{EMOTIONS[code]}\n{numbers[at]:,} images" for at, code in enumerate(codes)}
    return gallery.grid(
        means, np.arange(len(codes))[None], "The mean face of each emotion, contrast stretched", captions
    )


def draw_pixels(data: Data) -> Figure:
    """Draw how bright and how rich in contrast the images of each split are."""
    table = pd.concat(
        [
            pd.DataFrame({"split": name, "mean": images.mean(axis=(1, 2)), "contrast": images.std(axis=(1, 2))})
            for name, positions in data.splits.items()
            for images in [data.images[positions]]
        ],
        ignore_index=True,
    )
    # Lines differ too, for print without colours.
    dashes = dict(zip(style.SPLITS.values(), ("-", "--", ":"), strict=True))
    figure = style.canvas(10, 3.8)
    for axes, key, text in zip(
        figure.subplots(1, 2),
        ("mean", "contrast"),
        ("mean grey level of an image", "standard deviation of its grey levels"),
        strict=True,
    ):
        sns.histplot(table, x=key, hue="split", palette=style.SPLITS, element="step", fill=False, stat="density",
                     common_norm=False, bins=40, ax=axes)  # fmt: skip
        for drawn in (*axes.lines, *axes.get_legend().legend_handles):
            drawn.set_linestyle(dashes[to_hex(drawn.get_color())])
        axes.set(xlabel=text, ylabel="share of the split, per grey level")
    figure.suptitle("Brightness and contrast")
    return figure


def draw_copies(data: Data, pairs: dict[str, np.ndarray]) -> Figure:
    """Draw examples of what `copies` gives, each pair below one another, with part and emotion."""
    positions = np.full((2 * len(pairs), COLUMNS), -1)
    for row, chosen in enumerate(pairs.values()):
        positions[2 * row : 2 * row + 2, : len(chosen)] = chosen.T
    captions = {
        at: f"{USAGES[data.usages[at]]}\n{data.rows[at]} {EMOTIONS[data.emotions[at]]}"
        for at in positions[positions >= 0]
    }
    rows = tuple(text for kind in pairs for text in (kind.replace(" ", "\n", 1), ""))
    return gallery.grid(data.images, positions, "Identical images, in pairs one above the other", captions, rows=rows)


def tell(data: Data, pictures: dict[str, bytes]) -> str:
    """Give the page, of the figures as PNG."""
    splits = data.summary["splits"]
    lead = ", ".join(f"{split['images']:,} images in {name}" for name, split in splits.items())
    if data.summary["protocol"] == "pooled":
        lead += "; val and test are the same images"
    facts = {
        "source": _source(data.summary["source"]),
        "faces": "drawn by code, nobody's" if data.summary["source"]["kind"] == "drawn" else "FER2013",
        "emotions": ", ".join(data.summary["emotions"]),
        "protocol": data.summary["protocol"],
        "digest": data.summary["digest"],
    }
    removed = pd.DataFrame({name: split["removed"] for name, split in splits.items()}).T.fillna(0).astype(int)
    parts = [
        page.Part(
            "Images of each emotion",
            "Left all faces of the source by their usage, right those that are used.",
            (pictures["counts"],),
            counts(data),
        ),
        page.Part("Faces", "At random, of the whole source.", (pictures["faces"],)),
        page.Part(
            "Mean faces",
            "What the faces of an emotion have in common: mouth and brows show where they lie alike.",
            (pictures["mean_faces"],),
        ),
        page.Part(
            "Copies",
            "Pixel for pixel the same. A copy in two parts would be learned and then asked; a copy with another label "
            f"teaches both. Of the splits, {_leaks(data)}.",
            (pictures["copies"],) if "copies" in pictures else (),
            duplicates(data),
        ),
        page.Part(
            "Left out",
            "Images of the chosen emotions that no split keeps, by the reason; data/processed/removed.csv lists them."
            if len(removed.columns)
            else "Nothing: every image of the chosen emotions is in a split.",
            (),
            removed if len(removed.columns) else None,
        ),
        page.Part(
            "Grey levels",
            "Contrast is the standard deviation within an image; a flat image has one grey level.",
            (pictures["pixels"],),
            pixels(data).round(1),
        ),
    ]
    return page.render("Data report", f"{lead}.", facts, parts)


def _source(source: dict) -> str:
    """Say which file the faces are from, and how one knows it again."""
    if not source.get("md5"):
        return source["name"]
    known = f"the challenge's {source['original']}" if source["original"] else "not one of the challenge's files"
    return f"{source['name']}, md5 {source['md5']}, {known}"


def _leaks(data: Data) -> str:
    """Say how much of val and of test lies in train as well."""
    train = data.identity[data.splits["train"]]
    told = []
    for name in ("val", "test"):
        copied = np.isin(data.identity[data.splits[name]], train)
        told.append(f"{copied.sum():,} images of {name} ({copied.mean():.1%})")
    return " and ".join(told) + " have a copy in train"
