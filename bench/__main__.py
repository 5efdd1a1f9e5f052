"""`make bench`: measure, print, and write bench/report.md with its charts.

Everything is measured on a server of the benchmark's own, which is gone afterwards.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from bench import database, growth, http, startup
from bench.facts import facts
from bench.processes import Service, running
from bench.report import tables, write_readme, write_report
from bench.results import Results
from bench.server import OTHER, BenchError, Server, running_server
from bench.text import number
from service.config import Settings
from tools.embedded import CHECKOUT, EmbeddedError

OWN = CHECKOUT / "bench"


@dataclass(frozen=True)
class Plan:
    """How much is measured: rounds, and seconds for each figure of a round."""

    rounds: int
    seconds: int
    hot_seconds: int
    """The seconds for what deadlocks: it comes to so little that it takes more to count it."""
    distributions: tuple[str, ...]
    """Between which accounts the transfers in the database are."""
    old: tuple[int, int]
    """The old ledger's accounts and transactions."""


FULL = Plan(
    rounds=5,
    seconds=2,
    hot_seconds=4,
    distributions=database.DISTRIBUTIONS,
    old=(1_000_000, 10_000_000),
)
QUICK = Plan(
    rounds=2,
    seconds=1,
    hot_seconds=2,
    distributions=("uniform", "hot10"),
    old=(50_000, 500_000),
)
YOUNG = (10_000, 10_000)


class Stopped(Exception):
    """Ctrl-C, or a SIGTERM."""


@dataclass(frozen=True)
class Run:
    """What each part measures, and into what."""

    plan: Plan
    server: Server
    results: Results
    pool_size: int
    rest: int
    """Seconds of idleness before each round of writes over HTTP."""


SERVICES: dict[str, tuple[str, str, dict[str, int | str]]] = {
    "service": ("service", "wallet_app", {}),
    "baseline": ("bench.baseline", OTHER, {}),
    "ungrouped": ("service", "wallet_app", {"group_max": 1}),
    "two_workers": ("service", "wallet_app", {"workers": 2}),
    "with_keys": ("service", "wallet_app", {"auth": "required"}),
}
"""A module, the role that it has, and in which settings it differs."""


def measure_database(run: Run) -> None:
    plan = run.plan
    database.measure_singles(
        run.server, run.results, plan.distributions, plan.rounds, plan.seconds, plan.hot_seconds
    )
    growth.measure_size(run.server, run.results, "small", "transaction", "account")


def measure_http(run: Run) -> None:
    plan, server, results = run.plan, run.server, run.results
    # Before the services start, so that each knows it.
    key = str(server.value("small", "SELECT wallet.create_api_key('bench', '{write}')"))
    with ExitStack() as stack:

        def start(name: str) -> Service:
            module, user, settings = SERVICES[name]
            given = {"workers": 1, "pool_size": run.pool_size, **settings}
            return stack.enter_context(running(module, server.url(user, "small"), **given))

        services = {name: start(name) for name in http.READERS}
        http.measure_memory(server, services, results, 1)
        services |= {name: start(name) for name in SERVICES if name not in services}
        http.measure_writes(
            server, services, results, plan.rounds, plan.seconds, plan.hot_seconds, key, run.rest
        )
        http.measure_reads(server, services, results, plan.rounds - 1, 1)
    growth.measure_size(server, results, "small", "idempotency_key")


def measure_many(run: Run) -> None:
    database.measure_many(run.server, run.results, run.plan.rounds, run.plan.seconds)


def measure_growth(run: Run) -> None:
    ledgers = {"young": YOUNG, "old": run.plan.old}
    run.results.facts["ledgers"] = "; ".join(
        f"{name} with {number(accounts)} accounts and {number(transactions)} transactions"
        for name, (accounts, transactions) in ledgers.items()
    )
    growth.measure_growth(run.server, run.results, run.plan.rounds, run.plan.seconds, ledgers)


def measure_startup(run: Run) -> None:
    startup.measure_startup(run.results, run.plan.rounds - 1)


PARTS: dict[str, Callable[[Run], None]] = {
    "database": measure_database,
    "http": measure_http,
    "many": measure_many,
    "growth": measure_growth,
    "startup": measure_startup,
}


def measure(plan: Plan, parts: list[str], pool_size: int, rest: int) -> Results:
    """Measure these parts on a server that is made for it, saying how long each took."""
    results = Results()
    begun = time.perf_counter()
    with running_server() as server:
        for name in ("small", "hot"):
            server.make_ledger(name, *YOUNG)
        results.facts |= facts(server)
        results.facts["services"] = (
            f"a process each, if nothing else is said; connections of each process: {pool_size}"
        )
        results.facts["load"] = (
            f"pgbench with {database.CLIENTS} clients, prepared, after a second that is not "
            f"counted; wrk with {http.CONNECTIONS} connections, if nothing else is said; "
            f"{plan.rounds} rounds, {plan.seconds} s for each figure of a round, "
            f"{plan.hot_seconds} s for what deadlocks, 3 s beside a locked "
            "account, 1 s for reads and for 1 connection"
        )
        if rest:
            results.facts["load"] += f"; {rest} s of rest before each round of writes over HTTP"
        run = Run(plan, server, results, pool_size, rest)
        print(f"{'server':<10}{time.perf_counter() - begun:6.1f} s", flush=True)
        for name in parts:
            started = time.perf_counter()
            print(f"{name:<10}", end="", flush=True)
            PARTS[name](run)
            print(f"{time.perf_counter() - started:6.1f} s", flush=True)
    results.facts["run"] = f"{time.perf_counter() - begun:.0f} s in all"
    return results


def _stopped(number: int, frame: FrameType | None) -> None:
    # What is being cleaned up must not be left half done by a second Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Nor does it need a word about the statement that the stop has met.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    raise Stopped


def main() -> None:
    settings = Settings(database_url="postgresql:///")
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in 2.5 minutes, rougher")
    parser.add_argument("--pool-size", type=int, default=settings.pool_size)
    parser.add_argument(
        "--rest",
        type=int,
        default=0,
        help="seconds of idleness before each round of writes over HTTP, for a machine that slows "
        "down under load that lasts",
    )
    parser.add_argument("--output", type=Path, help="the folder for the report and its charts")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these parts alone")
    parser.add_argument(
        "--rewrite", action="store_true", help="write the report anew, from its results.json"
    )
    given = parser.parse_args()
    aside = given.quick or given.only
    output = given.output or (CHECKOUT / ".bench-quick" if aside else OWN)

    signal.signal(signal.SIGINT, _stopped)
    signal.signal(signal.SIGTERM, _stopped)
    plan = QUICK if given.quick else FULL
    parts = given.only or list(PARTS)
    try:
        if given.rewrite:
            results = Results.read(output / "results.json")
        else:
            results = measure(plan, parts, given.pool_size, given.rest)
    except Stopped:
        sys.exit("\npgwallet: stopped; nothing was written")
    except (BenchError, EmbeddedError) as error:
        sys.exit(f"\npgwallet: {error}")

    for title, table in tables(results):
        print(f"\n{title}\n\n{table}")
    write_report(results, output)
    if output.resolve() == OWN:
        write_readme(results, CHECKOUT / "README.md")
    print(f"\nwritten: {output / 'report.md'}")


if __name__ == "__main__":
    main()
