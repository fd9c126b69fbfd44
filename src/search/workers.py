"""Trainings in processes of their own, side by side, each with its share of this machine's threads.

A training that goes out of memory takes its process along and nothing else, and whoever starts the trainings needs no
backend.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, Protocol

import numpy as np

from src import cli
from src.fer2013 import Split
from src.params import ModelParams, TeacherParams, TrainParams

COMPLETE, FAILED, DIED, STOPPED = "complete", "failed", "died", "stopped"
"""How a training can end: by itself, by an error of its own, with its process, or because this process was told to."""
TICK_S = 1.0


class Job(NamedTuple):
    """What to train.

    Attributes:
        model: The network.
        train: Hyper-parameters.
        share: Share of the train split to fit to.
    """

    model: ModelParams
    train: TrainParams
    share: float


class Training(Protocol):
    """What the pool asks of a training, in the process that started the pool."""

    job: Job

    def on_epoch(self, metrics: dict[str, float]) -> bool:
        """Hear the metrics of the epoch that ended; a true answer ends the training."""

    def on_end(self, how: str, reason: str) -> None:
        """Hear how the training ended, in one of the words above, and why if it did not do so by itself."""


class Pool:
    """Processes that train, reused from one training to the next; leaving the `with` block ends them.

    Args:
        size: Number of processes.
        train: Images (n, 48, 48, 1) uint8 and labels (n,).
        val: Images and labels scored after each epoch. Never the test split.
        emotions: Names of the labels.
        teacher: What the teacher was given, from whom every training learns; None: no teacher.
    """

    def __init__(
        self, size: int, train: Split, val: Split, emotions: tuple[str, ...], teacher: TeacherParams | None
    ) -> None:
        threads = max(1, (os.cpu_count() or 1) // size) if size > 1 else None
        self._arguments = (train, val, emotions, teacher, threads)
        self._idle = size
        self._workers: dict[Connection, Any] = {}
        self._busy: dict[Connection, Training] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._workers.values():
            process.kill()
            process.join()

    def platform(self, precision: str) -> dict[str, str]:
        """Ask a process what it computes with; it waits for trainings then.

        This process must not find out by itself: TensorFlow would take the GPU's memory here.

        Args:
            precision: As params.yaml names it.

        Returns:
            `backend`: Keras'. `precision`: what `auto` is there, or as given.

        Raises:
            ChildProcessError: The process ended instead.
        """
        connection = self._new_worker()
        try:
            connection.send(precision)
            return connection.recv()
        except (EOFError, ConnectionError):
            process = self._workers.pop(connection)
            process.join()
            raise ChildProcessError(
                f"a process that shall train ended with status {process.exitcode} as it loaded Keras (see above); "
                "is KERAS_BACKEND installed?"
            ) from None

    def run(self, source: Callable[[], Training | None], tick: Callable[[], None] = lambda: None) -> None:
        """Run trainings until the source has none and all have ended.

        Args:
            source: Gives the next training, or None where there is none, whenever a process is idle.
            tick: Called every second or so.
        """
        try:
            while self._start(source) or self._busy:
                for connection in wait(list(self._busy), timeout=TICK_S):
                    assert isinstance(connection, Connection)
                    self._hear(connection)
                tick()
        finally:  # only an error or an interrupt leaves anything busy
            for training in self._busy.values():
                training.on_end(STOPPED, "the search was stopped")
            self._busy.clear()

    def _start(self, source: Callable[[], Training | None]) -> bool:
        while self._idle and (training := source()):
            free = [connection for connection in self._workers if connection not in self._busy]
            connection = free[0] if free else self._new_worker()
            self._busy[connection] = training
            self._idle -= 1
            with suppress(ConnectionError):  # it died idle: `wait` says so next
                connection.send(training.job)
        return bool(self._busy)

    def _hear(self, connection: Connection) -> None:
        training = self._busy[connection]
        try:
            message = connection.recv()
        except (EOFError, ConnectionError):
            process = self._workers.pop(connection)
            process.join()
            message = DIED, f"its process ended with status {process.exitcode}; was memory short?"
        if isinstance(message, dict):
            stop = training.on_epoch(message)
            with suppress(ConnectionError):
                connection.send(stop)
            return
        how, reason = message
        del self._busy[connection]
        self._idle += 1
        training.on_end(how, reason)

    def _new_worker(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, *self._arguments), daemon=True)
        # Ctrl-C reaches every process of the terminal; this one alone decides what becomes of the others. The tracker
        # unblocks the signal when it starts, so that it has to run before.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self._workers[ours] = process
        return ours


def share_of(split: Split, share: float) -> Split:
    """Give a share of every emotion's images, the same ones each time and in their order."""
    random = np.random.default_rng(0)
    chosen = []
    for label in np.unique(split.labels):
        positions = random.permutation(np.flatnonzero(split.labels == label))
        chosen.append(positions[: max(1, round(share * len(positions)))])
    rows = np.sort(np.concatenate(chosen))
    return Split(split.images[rows], split.labels[rows])


def _serve(
    connection: Connection,
    train: Split,
    val: Split,
    emotions: tuple[str, ...],
    teacher_params: TeacherParams | None,
    threads: int | None,
) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if threads is not None:
        os.environ |= {name: str(threads) for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")}
        os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    logging.getLogger("tensorflow").setLevel("ERROR")  # every training is a new graph: it warns of that
    with cli.hushed():
        import keras

        from src.network import distillation, precision
        from src.network.fitting import fit

        precision.has_gpu()  # TensorFlow looks for one loudly
    with suppress(EOFError, ConnectionError):  # whoever asked is gone
        while True:
            job = connection.recv()
            if isinstance(job, str):
                connection.send({"backend": keras.backend.backend(), "precision": precision.resolve(job)})
                continue
            part = share_of(train, job.share) if job.share < 1 else train
            try:
                teacher = None
                if teacher_params:
                    teacher = distillation.load(teacher_params, emotions)
                fit(job.model, job.train, part, val, len(emotions), teacher, on_epoch_end=_reporter(connection))
            except Exception as error:  # whatever it is costs this training only
                ended = (FAILED, f"{type(error).__name__}: {' '.join(str(error).split())}")
            else:
                ended = (COMPLETE, "")
            connection.send(ended)
            keras.backend.clear_session()


def _reporter(connection: Connection) -> Callable[[Any], bool]:
    started = time.monotonic()

    def report(state: Any) -> bool:
        nonlocal started
        now = time.monotonic()
        connection.send(state.history[-1] | {"seconds": round(now - started, 3)})
        started = now
        return connection.recv()

    return report


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
