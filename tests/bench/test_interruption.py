"""A benchmark that is stopped leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tools.embedded import CHECKOUT, temporary_folder

# The benchmark on a folder that another run in this checkout does not use.
# Sqitch, which tests/migrations shows at work, would take ten seconds.
PROGRAM = """
import os, subprocess, sys
from pathlib import Path
from bench import __main__, server
from tests.support.databases import CHANGES
def deploy(self):
    environ = {**os.environ, **self.environ("postgres", server.TEMPLATE)}
    files = [f"--file=deploy/{name}.sql" for name in CHANGES]
    subprocess.run(["psql", "-Xq", *files], env=environ, check=True)
folder = Path(sys.argv.pop(1))
server.folder = lambda: folder
server.Server._deploy = deploy
__main__.main()
"""


@pytest.fixture
def parent() -> Iterator[Path]:
    """A folder for all that the benchmark writes; root's server runs as another user."""
    parent = temporary_folder()
    parent.chmod(0o755)
    yield parent
    shutil.rmtree(parent)


def test_ctrl_c_leaves_nothing_behind(parent: Path) -> None:
    """Not even while it measures HTTP, when a server, a service and a client run."""
    part = "http"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, parent / "data", "--quick", "--only", part],
        cwd=CHECKOUT,
        env={name: value for name, value in os.environ.items() if "WALLET_" not in name},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout
        said = b""
        while not said.endswith(f"{part:<10}".encode()):
            byte = process.stdout.read(1)
            assert byte, f"it ended: {said!r} {process.communicate()[1]!r}"
            said += byte
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, errors) == (1, b"\npgwallet: stopped; nothing was written\n")
    assert list(parent.iterdir()) == []
    assert not [child for child in started if child.is_running()]
    assert not [p for p in psutil.process_iter() if str(parent) in " ".join(command(p))]


def command(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return words
