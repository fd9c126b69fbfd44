"""Kaggle's copy of FER2013, by kagglehub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from src.faces.parse import shortened
from src.faces.sources import SUFFIXES, VARIABLE

KAGGLE = "ashishpatel26/facial-expression-recognitionferchallenge"
TIMEOUT_S = 20.0
"""Longest silence of Kaggle's servers."""


def download() -> Path:
    """Give the folder of Kaggle's copy, downloaded unless kagglehub has it already; needs no account.

    Raises:
        ConnectionError: It cannot be had; the message lists the ways out.
    """
    import kagglehub  # type: ignore[import-untyped]

    try:
        with _impatient():
            return Path(kagglehub.dataset_download(KAGGLE))
    except Exception as error:  # no common class: those of requests, kagglehub and zipfile, ValueError, KeyError
        reason = shortened(" ".join(f"{type(error).__name__}: {error}".split()), 200)
        raise ConnectionError(
            f"{KAGGLE}: Kaggle gave {reason}, expected the data set; set {VARIABLE} to a copy on this machine "
            f"({', '.join(SUFFIXES)} or a folder), mend the network or the Kaggle credentials, or run `make demo`"
        ) from error


@contextmanager
def _impatient() -> Iterator[None]:
    """Let requests give up after TIMEOUT_S of silence: kagglesdk sets no timeout, and would wait for ever."""
    from requests import adapters

    adapter: Any = adapters.HTTPAdapter
    send = adapter.send

    def send_in_time(self: Any, request: Any, **options: Any) -> Any:
        return send(self, request, **{**options, "timeout": options.get("timeout") or TIMEOUT_S})

    adapter.send = send_in_time
    try:
        yield
    finally:
        adapter.send = send
