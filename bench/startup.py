"""Start-up: from `make run` to the first answer."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from bench.results import Results
from bench.server import BenchError, free_port
from tools.embedded import CHECKOUT, EmbeddedServer, folder_of_checkout

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
    checkout = folder_of_checkout()
    folder = checkout.with_name(f"{checkout.name}-bench-run")
    try:
        results.add("startup/new", _start(folder))
        for _ in range(rounds):
            results.add("startup/warm", _start(folder))
    finally:
        EmbeddedServer(folder).stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> float:
    """Start it, wait for an answer, stop it; the seconds to the answer."""
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if "WALLET_" not in name}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, folder],
        cwd=CHECKOUT,
        env={**environ, "WALLET_PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while process.poll() is None and time.perf_counter() < started + 60:
            url = f"http://127.0.0.1:{port}/health/ready"
            with suppress(OSError), urllib.request.urlopen(url, timeout=5):
                return time.perf_counter() - started
            time.sleep(0.005)
        raise BenchError("make run did not come to answer")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
