"""The faults: each function makes one, and returns when nothing keeps the service from serving."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import NamedTuple, cast

import psycopg

from tests.faults.world import SESSIONS, World, plain, proxied, replicated, small_wal
from tests.http.processes import (
    OwnServer,
    children,
    clean_up,
    cut_power,
    frozen,
    held,
    is_gone,
    lose_power,
    postmaster_of,
    wait_until,
)
from tests.http.proxy import Proxy
from tests.support.databases import Database
from tests.support.documents import commands
from tools.embedded import EmbeddedError


class Fault(NamedTuple):
    strike: Callable[[World], None]
    world: Callable[[OwnServer, Database], AbstractContextManager[World]]
    seconds: float
    """The most that recovery may take."""
    in_short: bool


FAULTS: dict[str, Fault] = {}
"""Each fault by its name in docs/reliability.md."""


def fault(
    name: str,
    world: Callable[..., AbstractContextManager[World]] = plain,
    *,
    seconds: float = 10,
    in_short: bool = False,
) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    def add(strike: Callable[[World], None]) -> Callable[[World], None]:
        FAULTS[name] = Fault(strike, world, seconds, in_short)
        return strike

    return add


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: all(map(is_gone, pids)), "they are gone")


@fault("`kill -9` of a backend", in_short=True)
def kill_backend(world: World) -> None:
    kill(cast(int, world.sessions()[0]["pid"]))


@fault("`kill -9` of the postmaster")
def kill_postmaster(world: World) -> None:
    postmaster = postmaster_of(world.server)
    processes = {postmaster} | children(postmaster)
    os.kill(postmaster, signal.SIGKILL)
    clean_up(world.server, processes)
    world.server.start()


@fault("power failure of PostgreSQL: `kill -9` of all its processes", in_short=True)
def power_failure(world: World) -> None:
    lose_power(world.server)


@fault("`kill -9` of a worker", in_short=True)
def kill_worker(world: World) -> None:
    kill(world.process("worker"))


@fault("`kill -9` of the queue worker", in_short=True)
def kill_queue_worker(world: World) -> None:
    kill(world.process("queue worker"))


@fault("`kill -9` of the service's head, then started again")
def kill_head(world: World) -> None:
    processes = children(world.service.process.pid)
    world.service.process.kill()
    world.service.process.wait()
    wait_until(lambda: all(map(is_gone, processes)), "its processes are gone")
    world.service.start()


@fault("SIGTERM under load, then started again", in_short=True)
def stop_service(world: World) -> None:
    world.service.stop()
    assert world.service.process.returncode == 0
    world.service.start()


def stop_and_start(world: World, mode: str) -> None:
    world.server.stop(mode)
    assert world.service.client.get("/health/ready").status_code == 503
    assert world.service.client.get("/health/live").status_code == 200
    time.sleep(1)
    world.server.start()


@fault("`pg_ctl stop -m fast`, then started again", in_short=True)
def stop_fast(world: World) -> None:
    stop_and_start(world, "fast")


@fault("`pg_ctl stop -m immediate`, then started again")
def stop_immediate(world: World) -> None:
    stop_and_start(world, "immediate")


@fault("SIGSTOP of PostgreSQL for 12 s", seconds=15)
def freeze_postgresql(world: World) -> None:
    postmaster = postmaster_of(world.server)
    os.kill(postmaster, signal.SIGSTOP)
    with frozen(postmaster, *children(postmaster)):
        time.sleep(12)


@fault("SIGSTOP of a worker, for good", seconds=15)
def freeze_worker(world: World) -> None:
    os.kill(world.process("worker"), signal.SIGSTOP)


@fault("SIGSTOP of the queue worker, for good", seconds=15)
def freeze_queue_worker(world: World) -> None:
    os.kill(world.process("queue worker"), signal.SIGSTOP)


def storm(world: World, function: str) -> None:
    end = time.monotonic() + 3
    while time.monotonic() < end:
        world.database.execute(SESSIONS.replace("pid, state", f"{function}(pid)"))


@fault("3 s of `pg_terminate_backend` on all sessions", in_short=True)
def terminate(world: World) -> None:
    storm(world, "pg_terminate_backend")


@fault("3 s of `pg_cancel_backend` on all sessions")
def cancel(world: World) -> None:
    storm(world, "pg_cancel_backend")


@fault("no connections left for 3 s")
def use_up_connections(world: World) -> None:
    with ExitStack() as others:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            with suppress(psycopg.OperationalError):
                other = others.enter_context(world.database.connect())
                other.execute(SESSIONS.replace("pid, state", "pg_terminate_backend(pid)"))


@fault("a session that keeps a busy account locked for 5 s")
def lock_account(world: World) -> None:
    with held(world.database, world.accounts[0]):
        world.watch(5)


@fault("the network drops the answers to commits", proxied, seconds=15, in_short=True)
def drop_answers(world: World) -> None:
    the_proxy(world).fall_silent()


@fault("the network cuts all connections", proxied)
def cut(world: World) -> None:
    the_proxy(world).cut()


@fault("the network half-closes all connections", proxied)
def half_close(world: World) -> None:
    the_proxy(world).cut(socket.SHUT_WR)


@fault("the network is silent on old connections, new ones work", proxied, seconds=15)
def swallow(world: World) -> None:
    the_proxy(world).swallow()


@fault("the network delays all that PostgreSQL says by 0.3 s for 4 s", proxied)
def delay(world: World) -> None:
    the_proxy(world).delay = 0.3
    world.watch(4)
    the_proxy(world).delay = 0


def the_proxy(world: World) -> Proxy:
    assert world.proxy
    return world.proxy


@fault("`pg_wal` full, then freed", small_wal)
def fill_wal(world: World) -> None:
    filler = world.server.postgres.data / "pg_wal" / "filler"
    with filler.open("wb") as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 20))
            file.flush()
    emit = "SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000), flush => true)"
    with suppress(psycopg.OperationalError):
        while True:
            world.database.execute(emit)
    time.sleep(2)
    filler.unlink()

    def answers() -> bool:
        # It may have given up, or do so now.
        with suppress(psycopg.OperationalError, EmbeddedError):
            world.server.start()
            world.database.execute("SELECT")
            return True
        return False

    wait_until(answers, "PostgreSQL is there again")


@fault("clients that hang up for 3 s", in_short=True)
def hang_up(world: World) -> None:
    world.load.hang_up = True
    time.sleep(3)
    world.load.hang_up = False


@fault("200 slow senders for 5 s")
def send_slowly(world: World) -> None:
    head = b"POST /account HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with ExitStack() as senders:
        slow = [
            senders.enter_context(socket.create_connection(("127.0.0.1", world.service.port)))
            for _ in range(200)
        ]
        for turn in range(50):
            for number, sender in enumerate(slow):
                # Half of them drip their head, half their body.
                data = head + (b"Content-Length: 100\r\n\r\n{" if number % 2 else b"X-Slow: ")
                with suppress(OSError):
                    sender.sendall(data if turn == 0 else b" ")
            time.sleep(0.1)


@fault("a synchronous standby freezes for 12 s", replicated, seconds=15)
def freeze_standby(world: World) -> None:
    assert world.standby
    postmaster = postmaster_of(world.standby)
    with frozen(postmaster, *children(postmaster)):
        world.watch(12)


@fault("the primary is lost, a synchronous standby is promoted", replicated)
def promote(world: World) -> None:
    assert world.standby
    cut_power(world.server)
    for command in commands("Promote it"):
        world.standby.shell(command, PGDATABASE=world.database.name)
    world.database = Database(world.standby, world.database.name)
