"""The services that are measured, and what processes cost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TypeAlias

import psutil

from bench.server import BenchError, free_port
from tools.embedded import CHECKOUT

Child: TypeAlias = subprocess.Popen[bytes]
STOPS = {signal.SIGINT, signal.SIGTERM}


@dataclass(frozen=True)
class Service:
    """A service that answers at `url`, with the process that heads it."""

    url: str
    pid: int


@contextmanager
def child(arguments: list[str], environ: dict[str, str], output: IO[bytes]) -> Iterator[Child]:
    """This Python with such arguments, for as long as the block lasts, then told to stop.

    In a session of its own: Ctrl-C is for the benchmark, which ends it. No such signal comes
    between its start and its being known here.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=_hear_stops,
    )
    try:
        _hear_stops()
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _hear_stops() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def answers(process: Child, url: str) -> bool:
    """Whether it comes to be ready within 60 seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{url}/health/ready", timeout=5):
            return True
        time.sleep(0.005)
    return False


@contextmanager
def running(module: str, database_url: str, **settings: int | str) -> Iterator[Service]:
    """`python -m module` with settings: `x` is the variable WALLET_X."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {name: value for name, value in os.environ.items() if "WALLET_" not in name}
    environ |= {
        "WALLET_DATABASE_URL": database_url,
        "WALLET_PORT": str(port),
    }
    environ |= {f"WALLET_{name.upper()}": str(value) for name, value in settings.items()}
    with (
        tempfile.TemporaryFile() as log,
        child(["-m", module], environ, log) as process,
    ):
        if not answers(process, url):
            log.seek(0)
            raise BenchError(f"{module} did not start:\n{log.read().decode()}")
        yield Service(url, process.pid)


def family(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it."""
    head = psutil.Process(pid)
    return [head, *head.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its descendants, those included that have ended."""
    total = 0.0
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def memory(pid: int) -> float:
    """Megabytes of a process and its descendants; a page that several share counts once."""
    total = 0
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):
            used = process.memory_full_info()
            # Only Linux knows the proportional share; elsewhere what is shared is left out.
            total += getattr(used, "pss", used.uss)
    return total / 1e6
