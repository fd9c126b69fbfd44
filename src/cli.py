"""The command line: errors and signals become one line and an exit status here, and nowhere else."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; `{self.prog} --help` lists the options\n")


def parser(command: str, description: str) -> Parser:
    """Give the parser of `python -m src.<command>`; the help text is the first line of the module's docstring."""
    return Parser(prog=f"python -m src.{command}", description=description.strip().splitlines()[0], allow_abbrev=False)


def run(main: Callable[[], None]) -> NoReturn:
    """Run a command's `main` and exit: 0 done, 1 refused or failed in one line, 130 or 143 interrupted.

    SIGTERM unwinds like Ctrl-C, so that a run in the tracking store is closed on the way out.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        main()
    except (ValueError, OSError, ArithmeticError) as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
    except KeyboardInterrupt as interrupt:
        print("stopped", file=sys.stderr)
        sys.exit(143 if interrupt.args == ("SIGTERM",) else 130)
    sys.exit(0)


@contextmanager
def hushed() -> Iterator[None]:
    """Drop what native libraries print to stderr meanwhile: TensorFlow announces itself in ten lines on import."""
    sys.stderr.flush()
    with open(os.devnull, "w") as nowhere:
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def progress(total: int, name: str, unit: str = "image") -> Any:
    """Give a tqdm progress bar on stderr, or none where that is no terminal; `bar.write` prints a line above it."""
    from tqdm import tqdm

    return tqdm(total=total, desc=name, unit=unit, unit_scale=unit == "image", disable=None, smoothing=0.05)


def _terminate(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt("SIGTERM")
