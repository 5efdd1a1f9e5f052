"""`make bench`: measure, print, and write bench/report.md with its charts.

Everything is measured on a server of the benchmark's own, which is gone afterwards.
"""

from __future__ import annotations

import argparse
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
from bench.processes import running
from bench.report import tables, write_readme, write_report
from bench.results import Results
from bench.server import OTHER, BenchError, Server, running_server
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
    hot_seconds=5,
    distributions=database.DISTRIBUTIONS,
    old=(1_000_000, 10_000_000),
)
QUICK = Plan(
    rounds=2,
    seconds=1,
    hot_seconds=3,
    distributions=("uniform", "hot10"),
    old=(100_000, 1_000_000),
)
YOUNG = (10_000, 10_000)


class Stopped(Exception):
    """Ctrl-C, or a SIGTERM."""


def measure(plan: Plan, results: Results, workers: int, pool_size: int) -> None:
    """Measure everything into `results`, saying how long each part took."""
    begun = time.perf_counter()

    def part(name: str, run: Callable[[], None]) -> None:
        print(f"{name:<34}", end="", flush=True)
        started = time.perf_counter()
        run()
        print(f"{time.perf_counter() - started:6.1f} s", flush=True)

    with ExitStack() as stack:
        server: Server
        print(f"{'server and ledgers':<34}", end="", flush=True)
        server = stack.enter_context(running_server())
        for name in ("small", "hot"):
            server.make_ledger(name, *YOUNG)
        print(f"{time.perf_counter() - begun:6.1f} s", flush=True)
        results.facts |= facts(server)
        results.facts["service"] = f"{workers} worker, pool of {pool_size}; baseline the same"
        results.facts["load"] = (
            f"pgbench with {database.CLIENTS} clients, prepared; wrk with {http.CONNECTIONS} "
            f"connections; {plan.rounds} rounds, {plan.seconds} s for each figure of a round, "
            f"{plan.hot_seconds} s for what deadlocks, 1 s for reads"
        )
        part(
            "transfer() in the database",
            lambda: database.measure_singles(
                server,
                results,
                plan.distributions,
                plan.rounds,
                plan.seconds,
                plan.hot_seconds,
            ),
        )
        growth.measure_size(server, results, "small")
        with ExitStack() as started:
            services = {
                name: started.enter_context(
                    running(module, server.url(user, "small"), workers, pool_size)
                )
                for name, module, user in (
                    ("service", "service", "wallet_app"),
                    ("baseline", "bench.baseline", OTHER),
                )
            }
            part("memory", lambda: http.measure_memory(server, services, results, 2))
            part(
                "transfers over HTTP",
                lambda: http.measure_transfers(
                    server, services, results, plan.rounds, plan.seconds, plan.hot_seconds
                ),
            )
            part(
                "reads over HTTP",
                lambda: http.measure_reads(server, services, results, plan.rounds, 1),
            )
        part(
            "batches and the queue",
            lambda: database.measure_many(server, results, plan.rounds, plan.seconds),
        )
        ledgers = {"young": YOUNG, "old": plan.old}
        part(
            "a young ledger and an old one",
            lambda: growth.measure_growth(server, results, plan.rounds, plan.seconds, ledgers),
        )
    part("start-up", lambda: startup.measure_startup(results, plan.rounds - 1))
    results.facts["run"] = f"{time.perf_counter() - begun:.0f} s in all"
    accounts, transactions = plan.old
    results.facts["old ledger"] = f"{accounts:,} accounts, {transactions:,} transactions"


def _stopped(number: int, frame: FrameType | None) -> None:
    # What is being cleaned up must not be left half done by a second Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def main() -> None:
    settings = Settings(database_url="postgresql:///")
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in less than 2 minutes, rougher")
    parser.add_argument("--workers", type=int, default=settings.workers)
    parser.add_argument("--pool-size", type=int, default=settings.pool_size)
    parser.add_argument("--output", type=Path, help="the folder for the report and its charts")
    given = parser.parse_args()
    output = given.output or (CHECKOUT / ".bench-quick" if given.quick else OWN)

    signal.signal(signal.SIGINT, _stopped)
    signal.signal(signal.SIGTERM, _stopped)
    results = Results()
    try:
        measure(QUICK if given.quick else FULL, results, given.workers, given.pool_size)
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
