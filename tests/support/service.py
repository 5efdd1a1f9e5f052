"""A real service process for tests."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import httpx

from tests.support.databases import Database
from tools.embedded import CHECKOUT

JSON = {"Content-Type": "application/json"}


def free_port() -> int:
    """A port that nothing uses, and that no client is given for a connection meanwhile."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_768)  # Below Linux's range for clients.
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def plain_environ() -> dict[str, str]:
    """This process's variables but for its WALLET_*, which a service would take for settings."""
    return {name: value for name, value in os.environ.items() if "WALLET_" not in name}


class Service:
    """`python -m service` on a database, with a client that talks to it.

    Its log is kept in `log`; settings are given as WALLET_* variables.
    """

    def __init__(self, database: Database, **settings: str) -> None:
        self.database = database
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = Path(tempfile.mkstemp(prefix="pgwallet-service-", suffix=".log")[1])
        self._settings = settings
        self.process: subprocess.Popen[bytes]
        # Without TLS, whose certificates take longer to load than a request does.
        self.client = httpx.Client(base_url=self.url, timeout=30, verify=False)

    def __enter__(self) -> Service:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.client.close()
        # What a failed test leaves, stopped processes say, would not end by itself.
        self.stop(signal.SIGKILL if kind else signal.SIGTERM)
        self.log.unlink()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service"],
                cwd=CHECKOUT,
                env={
                    **plain_environ(),
                    "WALLET_DATABASE_URL": self.database.url("wallet_app"),
                    "WALLET_PORT": str(self.port),
                    **self._settings,
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/health/ready", verify=False).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"the service did not start:\n{self.log.read_text()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop it; with SIGKILL, all of its processes at once."""
        if self.process.poll() is None:
            if number == signal.SIGKILL:
                for child in self._children():
                    os.kill(child, number)
            self.process.send_signal(number)
            self.process.wait(60)

    def _children(self) -> list[int]:
        # A stopped parent replaces nobody while its children are listed.
        self.process.send_signal(signal.SIGSTOP)
        pid = self.process.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in listed.split()]
