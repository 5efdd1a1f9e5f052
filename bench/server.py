"""The PostgreSQL server that is measured, and the ledgers on it."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tools.embedded import CHECKOUT, EmbeddedServer, folder_of_checkout, path_with_programs

SCRIPTS = CHECKOUT / "bench/scripts"

OPTIONS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "max_connections": "200",
}
"""What differs from PostgreSQL's defaults. fsync and synchronous_commit stay on."""

TEMPLATE = "wallet"
"""The database that Sqitch deploys, empty."""

OTHER = "bench_client"
"""The role that a service has which writes the tables itself."""


class BenchError(Exception):
    """Why the benchmark cannot go on."""


def folder() -> Path:
    """Where the server's data are: beside those of `make run`, on a disk, where a folder in /tmp
    may be in memory."""
    of_run = folder_of_checkout()
    return of_run.with_name(f"{of_run.name}-bench")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """An embedded server on 127.0.0.1, with a password, since every user can reach that."""

    def __init__(self) -> None:
        self.folder = folder()
        self.port = free_port()
        self._password = secrets.token_hex(16)
        self._server = EmbeddedServer(
            self.folder, {**OPTIONS, "listen_addresses": "127.0.0.1", "port": str(self.port)}
        )

    def start(self) -> None:
        """Make the server, with the schema deployed into TEMPLATE."""
        self._server.start()
        socket_url = f"{self._server.url('postgres', 'postgres')}&port={self.port}"
        with psycopg.connect(socket_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
            connection.execute(f"ALTER ROLE postgres PASSWORD '{self._password}'")
            hba = self._server.data / "pg_hba.conf"
            hba.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
            connection.execute("SELECT pg_reload_conf()")
        self._deploy()
        with self.connect(TEMPLATE) as connection:
            connection.execute(f"ALTER ROLE wallet_app PASSWORD '{self._password}'")
            connection.execute(f"CREATE ROLE {OTHER} LOGIN PASSWORD '{self._password}'")
            connection.execute(f"GRANT USAGE ON SCHEMA wallet TO {OTHER}")
            connection.execute(
                "GRANT SELECT, INSERT, UPDATE ON wallet.account, wallet.transaction, wallet.entry "
                f"TO {OTHER}"
            )
            # The tables' and the domains' rules call these.
            connection.execute(
                "GRANT EXECUTE ON FUNCTION wallet.max_amount, wallet.is_within_limits, "
                f"wallet.is_complete TO {OTHER}"
            )

    def _deploy(self) -> None:
        done = subprocess.run(
            ["sqitch", "deploy"],
            cwd=CHECKOUT,
            env={**os.environ, **self.environ("postgres", TEMPLATE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"sqitch deploy failed:\n{done.stdout.rstrip()}")

    def remove(self) -> None:
        """Stop it, if it runs, and remove all of it."""
        if self.folder.exists():
            self._server.stop("immediate")
            shutil.rmtree(self.folder)

    def url(self, user: str, database: str) -> str:
        return f"postgresql://{user}:{self._password}@127.0.0.1:{self.port}/{database}"

    def environ(self, user: str, database: str) -> dict[str, str]:
        """libpq's variables, and a PATH with this server's psql and pgbench first."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": user,
            "PGPASSWORD": self._password,
            "PGDATABASE": database,
            "PATH": path_with_programs(),
        }

    def connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """A superuser's autocommit connection."""
        return psycopg.connect(self.url("postgres", database), autocommit=True)

    def rows(self, database: str, query: str) -> list[tuple[object, ...]]:
        with self.connect(database) as connection:
            return connection.execute(query.encode()).fetchall()

    def value(self, database: str, query: str) -> object:
        """The first value that a query returns."""
        return self.rows(database, query)[0][0]

    def number(self, database: str, query: str) -> int:
        """The same, when it is a whole number."""
        return int(str(self.value(database, query)))

    def pid(self) -> int:
        """The postmaster's."""
        return int((self._server.data / "postmaster.pid").read_text().split()[0])

    def make_ledger(self, database: str, accounts: int, transactions: int) -> None:
        """Make a database with that many accounts of 500 000.00 and that many transactions."""
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {TEMPLATE}")
        given = ["-v", f"accounts={accounts}", "-v", f"transactions={transactions}"]
        subprocess.run(
            ["psql", "-XqAt", *given, "-f", SCRIPTS / "fill.sql"],
            env={**os.environ, **self.environ("postgres", database)},
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def wait_until_idle(self) -> None:
        """Return when no client's statement is left over from what was measured before."""
        deadline = time.monotonic() + 60
        # A backend's statistics are complete when it is gone.
        busy = """
            SELECT count(*) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
              AND (state <> 'idle' OR application_name = 'pgbench')
        """
        while self.value("postgres", busy):
            if time.monotonic() > deadline:
                raise BenchError("statements go on running")
            time.sleep(0.05)


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for one run of the benchmark; nothing of it stays.

    Raises BenchError when another run uses the folder.
    """
    server = Server()
    server.folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(server.folder.parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BenchError(f"another run uses {server.folder}; two would slow each other") from None
    try:
        server.remove()  # What a run left behind that was killed.
        server.start()
        yield server
    finally:
        server.remove()
        os.close(lock)
