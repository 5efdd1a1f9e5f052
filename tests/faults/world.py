"""What is put under load: a service with two workers, its PostgreSQL, and what lies between."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.load import Load
from tests.http.processes import OwnServer, jobs, open_wallet, running, standby_of
from tests.http.proxy import Proxy
from tests.support import databases
from tests.support.databases import Database
from tests.support.documents import commands
from tests.support.seeds import fresh_seed
from tests.support.service import Service

WORKERS, POOL_SIZE = 2, 8
CONNECTIONS = WORKERS * (POOL_SIZE + 1) + 2  # As docs/operations.md has it.
SETTINGS = {"WALLET_WORKERS": str(WORKERS), "WALLET_POOL_SIZE": str(POOL_SIZE)}
SESSIONS = """
    SELECT pid, state FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'wallet_app' ORDER BY pid
"""
WAL_MEGABYTES = 80


@dataclass
class World:
    server: OwnServer
    database: Database
    service: Service
    load: Load
    accounts: list[int]
    first: int
    """The first transaction of the load."""
    proxy: Proxy | None = None
    standby: OwnServer | None = None
    most_sessions: int = 0
    """The most sessions of the service that were seen while a fault went on."""

    def process(self, job: str) -> int:
        return min(jobs(self.service.process.pid, job))

    def sessions(self) -> list[dict[str, object]]:
        return self.database.execute(SESSIONS)

    def watch(self, seconds: float) -> None:
        """Let a fault go on for so long, and count the service's sessions meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.most_sessions = max(self.most_sessions, len(self.sessions()))
            time.sleep(0.2)

    def is_whole(self) -> bool:
        """Whether all processes are there, and no session is one too many or idles in between."""
        sessions = self.sessions()
        return (
            len(jobs(self.service.process.pid, "worker")) == WORKERS
            and len(jobs(self.service.process.pid, "queue worker")) == 1
            and len(sessions) <= CONNECTIONS
            and {session["state"] for session in sessions} <= {"idle"}
        )


@contextmanager
def plain(
    server: OwnServer, template: Database, *, url: str | None = None, **parts: Any
) -> Iterator[World]:
    """A service on a database of its own, before there is any load.

    `url` is where the service connects to, if not straight to the server; {name} is the database.
    """
    database = parts.pop("database", None) or databases.create(server, template.name)
    seed = fresh_seed()
    url = (url or database.url("wallet_app")).format(name=database.name)
    with running(database, **SETTINGS, WALLET_DATABASE_URL=url) as service:
        accounts = [open_wallet(service.client, "500000.00") for _ in range(6)]
        sink, poor = (open_wallet(service.client, "0.00") for _ in range(2))
        load = Load(service.url, rich=accounts, sink=sink, poor=poor, seed=seed)
        yield World(server, database, service, load, accounts, len(accounts) + 1, **parts)


@contextmanager
def proxied(server: OwnServer, template: Database) -> Iterator[World]:
    """With a proxy between the service and the server."""
    database = databases.create(server, template.name)
    with (
        Proxy(database) as proxy,
        plain(server, template, url=proxy.url, database=database, proxy=proxy) as world,
    ):
        yield world


@contextmanager
def replicated(server: OwnServer, template: Database) -> Iterator[World]:
    """With a synchronous standby, which the service also knows."""
    try:
        with standby_of(server) as standby:
            for command in commands("Make it synchronous"):
                server.shell(command)
            hosts = f"{server.postgres.sockets},{standby.postgres.sockets}"
            url = f"postgresql://wallet_app@/{{name}}?host={hosts}&target_session_attrs=read-write"
            with plain(server, template, url=url, standby=standby) as world:
                yield world
    finally:
        server.start()
        server.execute("ALTER SYSTEM RESET synchronous_standby_names")
        server.execute("SELECT pg_reload_conf()")


@contextmanager
def small_wal(server: OwnServer, template: Database) -> Iterator[World]:
    """With pg_wal on a small file system of its own."""
    wal, small = server.postgres.data / "pg_wal", server.postgres.folder / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={WAL_MEGABYTES}m", "tmpfs", str(small)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode:
        small.rmdir()
        pytest.skip("this user may not mount a small file system")
    try:
        server.stop()
        # What came before has left more than goes there, and nothing else of it is needed.
        last = server.shell("pg_controldata | sed -n 's/.*REDO WAL file: *//p'").strip()
        sh(f"find {wal} -maxdepth 1 -type f ! -name {last} -delete")
        sh(f"chown --reference={wal} {small}; cp -a {wal}/. {small}; rm -r {wal}")
        wal.symlink_to(small)
        server.start()
        with plain(server, template) as world:
            yield world
    finally:
        server.stop("immediate")
        sh(f"[ ! -L {wal} ] || {{ rm {wal}; cp -a {small} {wal}; }}; umount {small}; rmdir {small}")
        server.start()


def sh(commands: str) -> None:
    subprocess.run(["bash", "-euc", commands], check=True)
