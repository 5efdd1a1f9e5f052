"""A container with the whole ledger, for tests: `pip install 'pgwallet[testing]'`.

with WalletContainer() as container, container.client() as wallet:
    wallet.create_account("ada@example.com")
"""

from __future__ import annotations

import os
import secrets
import time
from typing import Literal, Self

import httpx
import psycopg
from docker.errors import APIError
from psycopg.rows import class_row
from testcontainers.core.container import DockerContainer

from pgwallet.objects import Violation
from pgwallet.synchronous import Wallet

_HTTP, _POSTGRES = 8000, 5432
_START = 60.0


class WalletContainer(DockerContainer):
    """PostgreSQL, the ledger and the service, in one container. Its data go away with it.

    The image is PGWALLET_IMAGE, or else pgwallet-standalone, which `make images` builds.
    """

    def __init__(self, image: str | None = None) -> None:
        self._tag = image or os.environ.get("PGWALLET_IMAGE") or "pgwallet-standalone"
        # Whoever finds it left behind can see whose it was.
        name = f"pgwallet-test-{os.getpid()}-{secrets.token_hex(4)}"
        self._admin: psycopg.Connection | None = None
        super().__init__(self._tag, name=name, ports=[_HTTP, _POSTGRES])

    def start(self) -> Self:
        """Start it, and return once it is ready. `with` does so, and stops it."""
        try:
            super().start()
        except APIError as error:
            if self.get_docker_client().client.images.list(self._tag):
                raise
            raise LookupError(
                f"there is no image {self._tag}; `make images` in a checkout of pgwallet builds it"
            ) from error
        self._host = self.get_container_host_ip()
        self._http, self._postgres = (self.get_exposed_port(port) for port in (_HTTP, _POSTGRES))
        deadline = time.monotonic() + _START
        while not self._is_ready():
            if time.monotonic() > deadline:
                logs = b"".join(self.get_logs()).decode(errors="replace")
                raise TimeoutError(f"{self._tag} was not ready after {_START:g} s:\n{logs}")
            time.sleep(0.05)
        return self

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:
        if self._admin:
            self._admin.close()
        super().stop(force, delete_volume)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready").is_success
        except httpx.TransportError:
            return False

    @property
    def url(self) -> str:
        """Where the service is."""
        return f"http://{self._host}:{self._http}"

    def dsn(self, role: Literal["wallet_app", "wallet_reader", "postgres"]) -> str:
        """Where the database is, for this role: `postgres` may do everything."""
        return f"postgresql://{role}:{role}@{self._host}:{self._postgres}/wallet"

    def client(self) -> Wallet:
        """A new client of the service."""
        return Wallet(self.url)

    def reset(self) -> None:
        """Empty the ledger: the next account and the next transaction have id 1."""
        # Kept open: to connect takes longer than the reset.
        if self._admin is None or self._admin.closed:
            self._admin = psycopg.connect(self.dsn("postgres"), autocommit=True)
        self._admin.execute("SELECT testing.reset()")

    def audit(self) -> list[Violation]:
        """What is wrong with the whole ledger: nothing, unless a test changed its tables."""
        with (
            psycopg.connect(self.dsn("wallet_reader")) as connection,
            connection.cursor(row_factory=class_row(Violation)) as cursor,
        ):
            return cursor.execute("SELECT * FROM wallet.audit()").fetchall()
