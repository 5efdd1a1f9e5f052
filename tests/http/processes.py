"""Services and servers of a test's own, and ways to see what they do."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from httpx import Client, Response

from tests.http.answers import check
from tests.support import databases
from tests.support.databases import Database, assert_sound
from tests.support.documents import commands
from tests.support.servers import Citus, Server
from tests.support.service import Service
from tools.embedded import EmbeddedServer, temporary_folder

PATIENT = {"WALLET_LOCK_TIMEOUT": "50", "WALLET_STATEMENT_TIMEOUT": "50"}
"""For tests that hold a request up until they have seen what they look for."""


@contextmanager
def running(database: Database, **settings: str) -> Iterator[Service]:
    """A service of a test's own, whose client holds each answer to what always holds."""
    with Service(database, **settings) as service:
        service.client.event_hooks = {"response": [check]}
        try:
            yield service
        except BaseException:
            print(service.log.read_text())  # pytest shows it with the failure.
            raise


@contextmanager
def own_service(template: Database, **settings: str) -> Iterator[Service]:
    """A service with settings of its own for the tests of one file, on a ledger of its own."""
    database = databases.create(template.server, template.name)
    with running(database, **settings) as service:
        yield service
        with database.connect() as connection:
            assert_sound(connection)
    databases.drop(database)


class OwnServer(Server):
    """A server that a test may stop, start and configure."""

    name = "a server of the test's own"

    def __init__(self) -> None:
        self.postgres = EmbeddedServer(temporary_folder(), {"max_connections": "50"})

    def start(self) -> None:
        self.postgres.start()

    def stop(self, mode: str = "fast") -> None:
        self.postgres.stop(mode)

    def remove(self) -> None:
        self.postgres.remove()

    def url(self, database: str, user: str | None = None) -> str:
        return self.postgres.url(user or "postgres", database)

    def shell(self, commands: str, **environ: str) -> str:
        """Run commands as the user that the server runs as, and return what they print."""
        user = self.postgres.user
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd=self.postgres.folder,
            env={
                **os.environ,
                **self.postgres.environ("postgres", "postgres"),
                "PATH": f"{self.postgres.bin}{os.pathsep}{os.environ['PATH']}",
                "PGDATA": str(self.postgres.data),
                **environ,
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout


@contextmanager
def own_database() -> Iterator[tuple[OwnServer, Database]]:
    """A server of a test's own with a deployed database in it."""
    server = OwnServer()
    server.start()
    try:
        database = databases.create(server)
        databases.deploy(database)
        yield server, database
    finally:
        server.remove()


@contextmanager
def standby_of(server: OwnServer) -> Iterator[OwnServer]:
    """A server that streams from another one, as docs/operations.md says."""
    standby = OwnServer()
    status = server.postgres.folder.stat()
    os.chown(standby.postgres.folder, status.st_uid, status.st_gid)
    try:
        for command in commands("Make a standby"):
            server.shell(command, PGDATA=str(standby.postgres.data))
        standby.start()
        yield standby
    finally:
        standby.remove()


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """Freeze processes while the block runs."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def cut_power(server: OwnServer) -> None:
    """End every process of a server with SIGKILL, as a power failure does."""
    postmaster = postmaster_of(server)
    # A stopped postmaster starts nobody while its children are listed.
    os.kill(postmaster, signal.SIGSTOP)
    processes = {postmaster} | children(postmaster)
    for process in processes:
        os.kill(process, signal.SIGKILL)
    clean_up(server, processes)


def postmaster_of(server: OwnServer) -> int:
    return int((server.postgres.data / "postmaster.pid").read_text().split()[0])


def clean_up(server: OwnServer, processes: set[int]) -> None:
    """Wait until a server's killed processes are gone, so that it can be started again."""
    wait_until(lambda: all(map(is_gone, processes)), "the server is gone")
    # If nobody asks for its exit code, the process counts as alive for its successor.
    (server.postgres.data / "postmaster.pid").unlink()
    shutil.rmtree(server.postgres.sockets)


def lose_power(server: OwnServer) -> None:
    """Cut a server's power, and start it again."""
    cut_power(server)
    server.start()


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Return once it holds; fail if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"this never came: {what}"
        time.sleep(0.03)


def waiting(database: Database) -> int:
    """How many of the service's calls wait for a lock, and for longer than a group does."""
    queries = [
        "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity s ON s.pid = l.pid"
        " WHERE s.datname = current_database() AND s.usename = 'wallet_app'"
        " AND clock_timestamp() - l.waitstart > interval '0.1 s'"
    ]
    if isinstance(database.server, Citus):  # Those who wait for a row wait on its worker.
        queries.append(
            "SELECT count(*) FROM wallet.account_wait"
            " WHERE role = 'wallet_app' AND waiting > interval '0.1 s'"
        )
    return sum(int(database.execute(query)[0]["count"]) for query in queries)


@contextmanager
def held(database: Database, account_id: int) -> Iterator[None]:
    """Hold an account's row as long as the block runs."""
    with database.connect() as connection, connection.transaction():
        connection.execute("SELECT FROM wallet.account WHERE id = %s FOR UPDATE", (account_id,))
        yield


@contextmanager
def key_held(database: Database, key: str, actor: str = "wallet_app") -> Iterator[None]:
    """Hold an idempotency key as long as the block runs, and leave it unused."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "INSERT INTO wallet.idempotency_key (actor, key, request_hash, transaction_id, ctime)"
            " VALUES (%s, %s, '', 0, now())",
            (actor, key),
        )
        yield


@contextmanager
def queue_stopped(database: Database) -> Iterator[None]:
    """Keep every queue worker from processing the queue as long as the block runs."""
    # Closed without a COMMIT: a test may have stopped the server.
    with closing(database.connect()) as connection:
        connection.execute("BEGIN; SELECT FROM wallet.queue_lock FOR NO KEY UPDATE")
        yield


def pending(database: Database) -> int:
    """How many transfers are queued."""
    return int(database.execute("SELECT pending FROM wallet.queue_stats")[0]["pending"])


def open_wallet(client: Client, balance: str = "100.00") -> int:
    response = client.post("/account", json={"email": "ada@example.com"})
    assert response.status_code == 201, response.text
    id: int = response.json()["id"]
    if balance != "0.00":
        paid = client.post(f"/account/{id}/payment", json={"amount": balance})
        assert paid.status_code == 201, paid.text
    return id


def transfer(
    client: Client, source: int, target: int, amount: object = "1.50", **headers: str
) -> Response:
    """Ask for a transfer. A header's hyphens are written as underscores."""
    return client.post(
        "/transaction",
        json={"source_account_id": source, "target_account_id": target, "amount": amount},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def balance(client: Client, id: int) -> str:
    return str(client.get(f"/account/{id}").json()["balance"])


def payments(database: Database, account_id: int) -> int:
    """How many transactions paid into an account."""
    rows = database.execute(
        "SELECT count(*) FROM wallet.transaction WHERE target_account_id = %s", account_id
    )
    return int(rows[0]["count"])


def children(pid: int) -> set[int]:
    """A process's descendants."""
    found: set[int] = set()
    with suppress(FileNotFoundError, ProcessLookupError):  # It has just gone.
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, task.read_text().split()):
                found |= {child} | children(child)
    return found


def jobs(pid: int, job: str) -> set[int]:
    """The processes of a service that do this job: `worker`, or `queue worker`."""
    name = f"pgwallet-{job.split()[0]}"
    found = set()
    for child in children(pid):
        with suppress(FileNotFoundError, ProcessLookupError):  # It has just gone.
            if Path(f"/proc/{child}/comm").read_text().strip() == name and not is_gone(child):
                found.add(child)
    return found


def peak_memory(service: Service) -> int:
    """The most memory in bytes that the service's one worker ever had."""
    (worker,) = jobs(service.process.pid, "worker")
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())
    assert found
    return int(found[1]) * 1024


def is_gone(pid: int) -> bool:
    """Whether a process ended; one that nobody has asked for its exit code counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):  # The latter if it ends between open and read.
        return True
