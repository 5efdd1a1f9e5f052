"""What a reader must know about the machine and the run to make sense of the figures."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import psutil

from bench.server import Server
from tools.embedded import CHECKOUT

SETTINGS = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "shared_buffers",
    "max_wal_size",
    "checkpoint_timeout",
)


def facts(server: Server) -> dict[str, str]:
    """Cores, memory, disk, versions, settings, commit."""
    settings = [f"{name} {server.value('postgres', f'SHOW {name}')}" for name in SETTINGS]
    return {
        "cores": str(os.cpu_count()),
        "load average before": f"{os.getloadavg()[0]:.1f}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "disk": f"{_sync_time(server.folder):.2f} ms to make 8 kB durable (fdatasync, median)",
        "PostgreSQL": f"{server.value('postgres', 'SHOW server_version')}: {', '.join(settings)}",
        "Python": ", ".join(
            [platform.python_version()]
            + [f"{name} {version(name)}" for name in ("sanic", "aiohttp", "asyncpg", "uvloop")]
        ),
        "commit": _commit(),
    }


def _sync_time(folder: Path) -> float:
    """Milliseconds that writing a page durably takes on the disk of `folder`."""
    path = folder / "sync"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    sync = getattr(os, "fdatasync", os.fsync)
    try:
        times = []
        for _ in range(200):
            started = time.perf_counter()
            os.pwrite(descriptor, bytes(8192), 0)
            sync(descriptor)
            times.append(time.perf_counter() - started)
        return median(times) * 1000
    finally:
        os.close(descriptor)
        path.unlink()


def _commit() -> str:
    """The checkout's commit, with a + when files that matter differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"
