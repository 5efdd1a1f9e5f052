"""Start-up: from `make run` to the first answer."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from bench import server
from bench.processes import answers, child
from bench.results import Results
from bench.server import BenchError, free_port
from tools.embedded import EmbeddedServer

# What `make run` runs, but on a folder of the benchmark's own.
PROGRAM = """
import sys
from pathlib import Path
from tools import run
run.folder_of_checkout = lambda: Path(sys.argv[1])
run.main()
"""


def measure_startup(results: Results, rounds: int) -> None:
    """Seconds to the first answer: with nothing there, and then with the data folder there."""
    folder = server.folder().with_name(f"{server.folder().name}-run")
    try:
        results.add("startup/new", _start(folder))
        for _ in range(rounds):
            results.add("startup/warm", _start(folder))
    finally:
        if folder.exists():
            EmbeddedServer(folder).stop("immediate")
            shutil.rmtree(folder)


def _start(folder: Path) -> float:
    """Start it, wait for an answer, stop it; the seconds to the answer."""
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if "WALLET_" not in name}
    environ["WALLET_PORT"] = str(port)
    started = time.perf_counter()
    with (
        tempfile.TemporaryFile() as log,
        child(["-c", PROGRAM, str(folder)], environ, log) as process,
    ):
        if not answers(process, f"http://127.0.0.1:{port}"):
            log.seek(0)
            raise BenchError(f"make run did not come to answer:\n{log.read().decode()}")
        return time.perf_counter() - started
