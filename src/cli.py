"""The command line: errors and signals become one line and an exit status here, and nowhere else."""

from __future__ import annotations

import argparse
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

BACKENDS = ("tensorflow", "jax", "torch")
"""Packages that Keras can compute with; one of them must be there."""


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; `{self.prog} --help` lists the options\n")


def parser(command: str, description: str) -> Parser:
    """Give the parser of `python -m src.<command>`; the help text is the first line of the module's docstring."""
    return Parser(prog=f"python -m src.{command}", description=description.strip().splitlines()[0], allow_abbrev=False)


def run(main: Callable[[], object]) -> NoReturn:
    """Run a command's `main` and exit: 0 done, 1 refused or failed in one line, 129, 130 or 143 interrupted.

    SIGTERM, and SIGHUP of a terminal that is closed, unwind like Ctrl-C, so that a run in the tracking store is closed
    on the way out.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Each line when it is said, in a log or a pipe too, and whatever letters a file's name has.
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # nohup has it ignored
        signal.signal(signal.SIGHUP, _terminate)
    try:
        main()
    except (ValueError, OSError, ArithmeticError) as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
    except ModuleNotFoundError as error:
        remedy = "activate .venv, or install the requirements"
        if (error.name or "").partition(".")[0] in BACKENDS:
            remedy = "install it, or choose another backend by KERAS_BACKEND"
        sys.exit(f"error: {error}; {remedy}")
    except KeyboardInterrupt as interrupt:
        with suppress(OSError):  # its terminal may be gone
            print("stopped", file=sys.stderr)
        sys.exit(128 + (interrupt.args[0] if interrupt.args else signal.SIGINT))
    sys.exit(0)


def call(
    *words: str, folder: Path | None = None, environment: dict[str, str] | None = None, expected: tuple[int, ...] = (0,)
) -> int:
    """Run `python -m <words>` and give its exit status; an interrupt ends it with all that it has started.

    It has a session of its own, so that a Ctrl-C in the terminal reaches it once, from here: DVC leaves the signal to
    its stage and waits until that has closed its run.

    Args:
        words: Module and arguments.
        folder: Where it runs; None is here.
        environment: Its variables; None is this process's.
        expected: Exit statuses that are no error.

    Raises:
        ChildProcessError: It ended otherwise, and has said why on stderr.
    """
    command = [sys.executable, "-m", *words]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, start_new_session=True, preexec_fn=_heed_interrupts
    )
    try:
        status = process.wait()
    except KeyboardInterrupt:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.wait()
        raise
    if status not in expected:
        raise ChildProcessError(f"`{' '.join(words)}` ended with status {status} (see above)")
    return status


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


def progress(total: int, name: str, unit: str = "image", done: int = 0) -> Any:
    """Give a tqdm progress bar on stderr, or none where that is no terminal; `bar.write` prints a line above it.

    What an earlier process has `done` counts towards the total, not the pace.
    """
    from tqdm import tqdm

    is_image = unit == "image"
    return tqdm(total=total, desc=name, unit=unit, unit_scale=is_image, disable=None, smoothing=0.05, initial=done)


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell makes what it starts in the background ignore it


def _terminate(number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt(number)
