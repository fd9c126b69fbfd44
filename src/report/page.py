"""One HTML page with everything in it: no network, no other file, readable on a phone and in print."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from src import paths
from src.report import style

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 68rem;
         margin: 0 auto; padding: 1rem; }
  h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; }
  p { max-width: 45rem; } nav a { margin-right: 1rem; white-space: nowrap; }
  img { max-width: 100%; height: auto; } .wide { overflow-x: auto; }
  table { border-collapse: collapse; margin-bottom: 1rem; font-variant-numeric: tabular-nums; }
  th, td { padding: .25rem .75rem; border-bottom: 1px solid #ddd; text-align: right; }
  th { background: #f4f4f4; } tr > :first-child { text-align: left; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
  dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
  @media print { nav { display: none; } section { break-inside: avoid; } }
</style>
<h1>{{ title }}</h1>
<p>{{ lead }}</p>
<dl>{% for name, value in facts.items() %}<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>
<nav>{% for part in parts %}<a href="#{{ loop.index }}">{{ part.title }}</a> {% endfor %}</nav>
{% for part in parts %}
<section id="{{ loop.index }}">
<h2>{{ part.title }}</h2>
<p>{{ part.text }}</p>
{% if part.table is not none %}<div class="wide">{{ part.table | table }}</div>{% endif %}
{% for picture in part.pictures %}<img alt="{{ part.title }}" src="{{ picture | inline }}">{% endfor %}
</section>
{% endfor %}
</html>
"""


class Part(NamedTuple):
    """A section of the page.

    Attributes:
        title: Its heading.
        text: A paragraph that says what to see.
        pictures: PNG files, as bytes.
        table: Shown above the pictures; its numbers are formatted already.
    """

    title: str
    text: str
    pictures: tuple[bytes, ...] = ()
    table: pd.DataFrame | None = None


def render(title: str, lead: str, facts: dict[str, str], parts: list[Part]) -> str:
    """Give the page.

    Args:
        title: Of the page.
        lead: The paragraph that says the most important.
        facts: Name -> value, a list below it.
        parts: What follows, in their order.
    """
    from jinja2 import Environment
    from markupsafe import Markup

    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters["inline"] = lambda png: f"data:image/png;base64,{base64.b64encode(png).decode()}"
    environment.filters["table"] = lambda table: Markup(_table(table))
    return environment.from_string(TEMPLATE).render(title=title, lead=lead, facts=facts, parts=parts)


def _table(table: pd.DataFrame) -> str:
    whole = dict.fromkeys(table.select_dtypes("integer"), "{:,}".format)
    return table.to_html(border=0, index_names=False, formatters=whole)


def write(folder: Path, draw: Callable[[], dict[str, Figure]], tell: Callable[[dict[str, bytes]], str]) -> None:
    """Write figures/<name>.png, and index.html that holds them all.

    Args:
        folder: Where to.
        draw: Gives the figures by their names.
        tell: Gives the page, of the figures as PNG.
    """
    with style.applied():
        pictures = {name: style.png(figure) for name, figure in draw().items()}
    for old in (folder / "figures").glob("*.png"):  # of data that had other figures
        if old.stem not in pictures:
            old.unlink()
    for name, picture in pictures.items():
        with paths.replacing(folder / "figures" / f"{name}.png") as path:
            path.write_bytes(picture)
    with paths.replacing(folder / "index.html") as path:
        path.write_text(tell(pictures), encoding="utf-8")
