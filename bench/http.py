"""Over HTTP: wrk against the service and the baseline."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import aiohttp

from bench.database import ACCOUNTS, pgbench
from bench.processes import Service, cpu_seconds, memory
from bench.results import Results
from bench.server import SCRIPTS, BenchError, Server

CONNECTIONS = 32
READERS = ("service", "baseline")
READS = ("account", "transaction", "statement")
STUCK_RATE = 30
"""Requests a second on the account that is locked."""


@dataclass(frozen=True)
class Case:
    """Writes that are sent to services."""

    services: tuple[str, ...] = ("service",)
    connections: int = CONNECTIONS
    accounts: int = ACCOUNTS
    kind: str = "plain"
    """What transfer.lua sends."""
    is_stuck: bool = False
    """Whether requests on an account that a session keeps locked come beside these."""
    seconds: int | None = None


CASES = {
    "uniform": Case(("service", "with_keys", "ungrouped", "two_workers", "baseline")),
    "hot10": Case(("service", "baseline"), accounts=10),
    "uniform_128": Case(("service", "ungrouped", "two_workers", "baseline"), connections=128),
    "hot10_128": Case(connections=128, accounts=10),
    "keyed": Case(kind="keyed"),
    "mixed": Case(kind="mixed"),
    "stuck": Case(("service", "baseline"), is_stuck=True, seconds=3),
    "one": Case(("service", "ungrouped", "baseline"), connections=1, seconds=1),
}


@dataclass(frozen=True)
class Answers:
    """What a run of wrk came to. Times are in milliseconds, over all answers."""

    successes: int
    """Answers with a 2xx status."""
    rate: float
    """The same, a second."""
    errors: float
    """Answers a second with another status, and connections that broke."""
    p50: float
    p99: float


def wrk(
    url: str,
    script: str,
    seconds: int,
    *arguments: int | str,
    connections: int = CONNECTIONS,
) -> Answers:
    """Send requests that `script` makes of its arguments, for so many seconds."""
    done = subprocess.run(
        [
            *("wrk", "--threads", "1", "--connections", str(connections)),
            # An answer is waited for; wrk would count a slow one as an error.
            *("--duration", f"{seconds}s", "--timeout", "60s"),
            *("--script", str(SCRIPTS / f"{script}.lua"), url, "--", *map(str, arguments)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"wrk failed:\n{done.stdout}{done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    span = said["microseconds"] / 1e6
    successes = said["answers"] - said["refused"]
    return Answers(
        successes=successes,
        rate=successes / span,
        errors=(said["refused"] + said["broken"]) / span,
        p50=said["p50"] / 1000,
        p99=said["p99"] / 1000,
    )


def measure_writes(
    server: Server,
    services: dict[str, Service],
    results: Results,
    rounds: int,
    seconds: int,
    hot_seconds: int,
    key: str,
    rest: int,
) -> None:
    """Each case on its services, and transfer() by pgbench in the same rounds.

    `key` is an API key, which each request has. Before each round are `rest` seconds of idleness.
    """
    create = "SELECT (wallet.create_account('{}@example.com')).id"
    locked, other = (server.number("small", create.format(name)) for name in ("locked", "other"))
    server.rows("small", f"SELECT wallet.deposit({locked}, 1000)")
    for number in range(rounds):
        time.sleep(rest)
        for name, case in CASES.items():
            for who in case.services[:: -1 if number % 2 else 1]:
                service = services[who]
                slow = who == "baseline" and name == "hot10"
                span = hot_seconds if slow else case.seconds or seconds
                server.wait_until_idle()
                with (
                    stuck_account(server, service, span, locked, other)
                    if case.is_stuck
                    else nullcontext()
                ):
                    _measure_case(server, service, results, f"http/{name}/{who}", span, case, key)
        scripts = ["pick_uniform", "transfer"]
        outcome = pgbench(server, "small", "wallet_app", scripts, seconds)
        results.add("http/uniform/pgbench", outcome.rate)


def _measure_case(
    server: Server,
    service: Service,
    results: Results,
    name: str,
    seconds: int,
    case: Case,
    key: str,
) -> None:
    """Measure one service once, with the CPU time of every process that takes part."""

    def spent() -> dict[str, float]:
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "service": cpu_seconds(service.pid),
            "postgresql": cpu_seconds(server.pid()),
            "wrk": own.ru_utime + own.ru_stime,
        }

    before = spent()
    answers = wrk(
        service.url,
        "transfer",
        seconds,
        case.accounts,
        case.kind,
        key,
        connections=case.connections,
    )
    after = spent()
    results.add(name, answers.rate)
    results.add(f"{name}/errors", answers.errors)
    results.add(f"{name}/p50", answers.p50)
    results.add(f"{name}/p99", answers.p99)
    thousands = max(answers.successes, 1) / 1000
    for group, cpu in after.items():
        results.add(f"{name}/cpu/{group}", (cpu - before[group]) / thousands)


@contextmanager
def stuck_account(
    server: Server, service: Service, seconds: int, locked: int, other: int
) -> Iterator[None]:
    """A session that keeps `locked` locked, and STUCK_RATE transfers a second from it to `other`.

    They are sent for so many seconds, whether those before have an answer or not.
    """
    with ThreadPoolExecutor(1) as executor:
        with server.connect("small") as session, session.transaction():
            session.execute("SELECT FROM wallet.account WHERE id = %s FOR UPDATE", (locked,))
            sent = executor.submit(asyncio.run, _send_steadily(service.url, seconds, locked, other))
            yield
        sent.result()


async def _send_steadily(url: str, seconds: int, source: int, target: int) -> None:
    body = {"source_account_id": source, "target_account_id": target, "amount": "0.01"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def send() -> None:
            async with session.post(f"{url}/transaction", json=body) as answer:
                await answer.read()

        requests = []
        for _ in range(seconds * STUCK_RATE):
            requests.append(asyncio.create_task(send()))
            await asyncio.sleep(1 / STUCK_RATE)
        await asyncio.gather(*requests)


def measure_reads(
    server: Server, services: dict[str, Service], results: Results, rounds: int, seconds: int
) -> None:
    """GET an account, a transaction and a page of a statement."""
    transactions = server.number("small", "SELECT max(id) FROM wallet.transaction")
    for _ in range(rounds):
        for read in READS:
            for name in READERS:
                ids = transactions if read == "transaction" else ACCOUNTS
                answers = wrk(services[name].url, f"get_{read}", seconds, ids)
                results.add(f"reads/{read}/{name}", answers.rate)
                results.add(f"reads/{read}/{name}/errors", answers.errors)
                results.add(f"reads/{read}/{name}/p50", answers.p50)
                results.add(f"reads/{read}/{name}/p99", answers.p99)


def measure_memory(
    server: Server, services: dict[str, Service], results: Results, seconds: int
) -> None:
    """Megabytes before anybody has asked anything, and amid transfers. To be called first."""

    def look(when: str, name: str) -> None:
        results.add(f"memory/{name}/{when}", memory(services[name].pid))
        results.add(f"memory/{name}_postgresql/{when}", memory(server.pid()))

    for name in services:
        look("rest", name)
    with ThreadPoolExecutor(1) as executor:
        for name, service in services.items():
            load = executor.submit(wrk, service.url, "transfer", seconds, ACCOUNTS)
            time.sleep(seconds / 2)
            look("load", name)
            if not load.result().successes:
                raise BenchError(f"{name} answers no transfer with success")
            server.wait_until_idle()
