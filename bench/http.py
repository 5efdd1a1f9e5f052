"""Over HTTP: wrk, 32 connections, against the service and the baseline."""

from __future__ import annotations

import json
import resource
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.database import ACCOUNTS, pgbench
from bench.processes import Service, cpu_seconds, memory
from bench.results import Results
from bench.server import SCRIPTS, BenchError, Server

CONNECTIONS = 32
HOT_ACCOUNTS = 10
READS = ("account", "transaction", "statement")


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


def wrk(url: str, script: str, seconds: int, ids: int) -> Answers:
    """Send requests that `script` makes, with ids from 1 to `ids`, for so many seconds."""
    done = subprocess.run(
        [
            *("wrk", "--threads", "1", "--connections", str(CONNECTIONS)),
            # An answer is waited for; wrk would count a slow one as an error.
            *("--duration", f"{seconds}s", "--timeout", "60s"),
            *("--script", str(SCRIPTS / f"{script}.lua"), url, "--", str(ids)),
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


def measure_transfers(
    server: Server,
    services: dict[str, Service],
    results: Results,
    rounds: int,
    seconds: int,
    hot_seconds: int,
) -> None:
    """POST /transaction to each service, and transfer() by pgbench in the same rounds."""
    for number in range(rounds):
        for distribution, ids in (("uniform", ACCOUNTS), ("hot10", HOT_ACCOUNTS)):
            for name in list(services)[:: -1 if number % 2 else 1]:
                slow = name == "baseline" and distribution == "hot10"
                _measure_transfer(
                    server,
                    services[name],
                    results,
                    f"http/{distribution}/{name}",
                    hot_seconds if slow else seconds,
                    ids,
                )
        scripts = ["pick_uniform", "transfer"]
        outcome = pgbench(server, "small", "wallet_app", scripts, f"-T{seconds}")
        results.add("http/uniform/pgbench", outcome.rate)


def _measure_transfer(
    server: Server, service: Service, results: Results, name: str, seconds: int, ids: int
) -> None:
    """Measure one service once, with the CPU time of every process that takes part."""

    def spent() -> dict[str, float]:
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "service": cpu_seconds(service.pid),
            "postgresql": cpu_seconds(server.pid()),
            "wrk": own.ru_utime + own.ru_stime,
        }

    server.wait_until_idle()
    before = spent()
    answers = wrk(service.url, "transfer", seconds, ids)
    after = spent()
    results.add(name, answers.rate)
    results.add(f"{name}/errors", answers.errors)
    results.add(f"{name}/p50", answers.p50)
    results.add(f"{name}/p99", answers.p99)
    thousands = max(answers.successes, 1) / 1000
    for group, cpu in after.items():
        results.add(f"{name}/cpu/{group}", (cpu - before[group]) / thousands)


def measure_reads(
    server: Server, services: dict[str, Service], results: Results, rounds: int, seconds: int
) -> None:
    """GET an account, a transaction and a page of a statement."""
    transactions = server.number("small", "SELECT max(id) FROM wallet.transaction")
    for _ in range(rounds):
        for read in READS:
            for name, service in services.items():
                ids = transactions if read == "transaction" else ACCOUNTS
                answers = wrk(service.url, f"get_{read}", seconds, ids)
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
            load.result()
            server.wait_until_idle()
