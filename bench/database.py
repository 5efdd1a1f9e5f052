"""In the database: pgbench, prepared statements, over TCP, one transfer a pgbench transaction."""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass

from bench.results import Results
from bench.server import OTHER, SCRIPTS, BenchError, Server

CLIENTS = 16
ACCOUNTS = 10_000
DISTRIBUTIONS = ("uniform", "zipf", "hot10", "hot1")
VARIANTS = {
    "transfer": "wallet_app",
    "client_side": OTHER,
    "client_side_sorted": OTHER,
}
"""Each script of a single transfer, and the role that runs it."""

BATCHES = (1000, 5000)
BATCH_CLIENTS = 4
MANY = {
    "uniform": (
        *("single", "keyed", "hold", "group_32", "group_128", "keyed_group_128"),
        *(f"batch_{items}" for items in BATCHES),
        "queue",
    ),
    "hot1": ("single", f"batch_{BATCHES[-1]}", "queue"),
}
"""How transfers are made: one by one, from a hold, in groups and batches of so many, or queued."""

PROCESS_ITEMS = 5000
"""The most transfers that one call of process_pending() processes."""


@dataclass(frozen=True)
class Outcome:
    """What a run of pgbench came to."""

    rate: float
    """Transactions a second that succeeded."""
    failed: float
    """Transactions a second that PostgreSQL aborted because of a deadlock."""
    count: int
    """Transactions that succeeded."""
    wal: float
    """Bytes of WAL for each of them."""
    images: float
    """Whole pages in the WAL for each of them: a page's first change after a checkpoint."""


def pgbench(
    server: Server,
    database: str,
    user: str,
    scripts: list[str],
    seconds: int,
    *,
    clients: int = CLIENTS,
    **variables: int,
) -> Outcome:
    """Run scripts, one after the other as one transaction, for so many seconds.

    The second before is not in the rate: there each backend compiles the functions.
    Raises BenchError when a call is refused or fails otherwise than by a deadlock.
    """
    text = "\n".join((SCRIPTS / f"{name}.sql").read_text() for name in scripts)
    given = {"accounts": ACCOUNTS, **variables}
    server.wait_until_idle()
    wal_before = _wal(server)
    done = subprocess.run(
        [
            *("pgbench", "--no-vacuum", "--protocol=prepared", "--file=-", "--failures-detailed"),
            *(f"--client={clients}", f"--jobs={min(clients, 2)}"),
            *(f"--time={seconds + 1}", "--progress=1"),
            *(f"--define={name}={value}" for name, value in given.items()),
        ],
        env={**os.environ, **server.environ(user, database)},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"pgbench of {' and '.join(scripts)} failed:\n{done.stderr.strip()}")

    def figure(pattern: str) -> float:
        match = re.search(pattern, done.stdout + done.stderr)
        return float(match[1]) if match else 0.0

    server.wait_until_idle()
    wal, images = (now - before for now, before in zip(_wal(server), wal_before, strict=True))
    count = int(figure(r"transactions actually processed: (\d+)"))
    # From the first second on: what was made in all, and in how long, less what was made in it.
    begun, at_first = figure(r"progress: ([\d.]+) s"), figure(r"progress: [\d.]+ s, ([\d.]+) tps")
    ended = count / figure(r"tps = ([\d.]+) \(without") if count else seconds + 1.0
    rate = (count - begun * at_first) / (ended - begun)
    return Outcome(
        rate=rate,
        failed=figure(r"number of failed transactions: (\d+)") * rate / max(count, 1),
        count=count,
        wal=wal / max(count, 1),
        images=images / max(count, 1),
    )


def _wal(server: Server) -> tuple[float, float]:
    """Bytes written to the WAL so far, and whole pages."""
    query = "SELECT pg_current_wal_insert_lsn() - '0/0' || ' ' || wal_fpi FROM pg_stat_wal"
    written, images = str(server.value("postgres", query)).split()
    return float(written), float(images)


def measure_singles(
    server: Server,
    results: Results,
    distributions: tuple[str, ...],
    rounds: int,
    seconds: int,
    hot_seconds: int,
) -> None:
    """transfer() beside the client-side transaction, on the same tables.

    What deadlocks gets `hot_seconds`, since each deadlock takes one second.
    """
    for number in range(rounds):
        for distribution in distributions:
            # In turns from either end, so that none always comes after the same.
            for variant in list(VARIANTS)[:: -1 if number % 2 else 1]:
                scripts = [f"pick_{distribution}", variant]
                # The uniform load has a ledger of its own, whose size is looked at afterwards.
                database = "small" if distribution == "uniform" else "hot"
                slow = variant == "client_side" and distribution in ("zipf", "hot10")
                limit = hot_seconds if slow else seconds
                outcome = pgbench(server, database, VARIANTS[variant], scripts, limit)
                name = f"pgbench/{distribution}/{variant}"
                results.add(name, outcome.rate)
                results.add(f"{name}/failed", outcome.failed)
                results.add(f"{name}/wal", outcome.wal)


def measure_many(server: Server, results: Results, rounds: int, seconds: int) -> None:
    """Single calls beside groups, batches and the queue."""
    runs = [(distribution, kind) for distribution, kinds in MANY.items() for kind in kinds]
    singles = {"single": "transfer", "keyed": "transfer_keyed", "hold": "hold_capture"}
    for number in range(rounds):
        for distribution, kind in runs[:: -1 if number % 2 else 1]:
            name = f"many/{distribution}/{kind}"
            if kind in singles:
                scripts = [f"pick_{distribution}", singles[kind]]
                outcome = pgbench(server, "small", "wallet_app", scripts, seconds)
                results.add(name, outcome.rate)
            elif kind == "queue":
                _measure_queue(server, results, distribution, seconds)
            else:
                script, items = kind.removeprefix("keyed_").split("_")
                outcome = pgbench(
                    server,
                    "small",
                    "wallet_app",
                    [f"{script}_hot1" if distribution == "hot1" else script],
                    seconds,
                    clients=BATCH_CLIENTS,
                    items=int(items),
                    keyed=int(kind.startswith("keyed_")),
                )
                results.add(name, outcome.rate * int(items))


def _measure_queue(server: Server, results: Results, distribution: str, seconds: int) -> None:
    """Queue transfers for a while, then process them all; the whole is what both took."""
    scripts = [f"pick_{distribution}", "enqueue"]
    queued = pgbench(server, "small", "wallet_app", scripts, seconds)
    started = time.perf_counter()
    processed = 0
    with server.connect("small") as connection:
        call = f"SELECT wallet.process_pending({PROCESS_ITEMS})"
        while row := connection.execute(call.encode()).fetchone():
            if not row[0]:
                break
            processed += int(str(row[0]))
    spent = time.perf_counter() - started
    if processed < queued.count:
        raise BenchError(f"{queued.count} transfers were queued, {processed} processed")
    name = f"many/{distribution}/queue"
    results.add(f"{name}/enqueue", queued.rate)
    results.add(f"{name}/process", processed / spent)
    results.add(name, 1 / (1 / queued.rate + spent / processed))
