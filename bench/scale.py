"""What a transfer costs on one PostgreSQL and on Citus, and what more nodes would do.

    python -m bench.scale measure postgresql://postgres@127.0.0.1:25432/wallet 100000 uniform keyed
    python -m bench.scale model

`measure` runs transfers on a deployed ledger on this machine, and prints rates, costs and whether
the ledger is sound; the kinds are uniform, near, far, hot10 and keyed. `model`
simulates what they cost on other numbers of nodes: docs/scale.md.
"""

from __future__ import annotations

import heapq
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

ACCOUNTS = 1000
CLIENTS = 16
OPEN = """DO $$ BEGIN FOR i IN 1..{count} LOOP
    PERFORM wallet.deposit((wallet.create_account('ada@example.com')).id, 500000);
END LOOP; END $$"""
PLACES = """SELECT a.id, s.nodeport FROM wallet.account a JOIN citus_shards s
    ON s.shardid = get_shard_id_for_distribution_column('wallet.account', a.id)"""


def cpu(postmaster: int) -> float:
    """Seconds of CPU that a server's processes have used, those that ended included."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        if postmaster in (pid, int(fields[1])):
            ticks += sum(map(int, fields[11 : 15 if pid == postmaster else 13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def readings(urls: list[str]) -> list[dict[str, float]]:
    """Of each node: CPU, WAL, deadlocks, and the statements that it was sent."""
    found = []
    for url in urls:
        with psycopg.connect(url, autocommit=True) as node:
            query = """SELECT (pg_read_file('postmaster.pid')::text), pg_current_wal_lsn() - '0/0',
                (SELECT sum(deadlocks) FROM pg_stat_database),
                (SELECT coalesce(sum(calls), 0) FROM pg_stat_statements)"""
            row: Any = node.execute(query).fetchone()
        pid = int(row[0].split()[0])
        found.append(
            {
                "cpu": cpu(pid),
                "wal": float(row[1]),
                "deadlocks": float(row[2]),
                "calls": float(row[3]),
            }
        )
    return found


def measure(url: str, count: int, kinds: list[str]) -> None:
    with psycopg.connect(url, autocommit=True) as ledger:

        def value(query: str) -> Any:
            row: Any = ledger.execute(query).fetchone()
            return row[0]

        is_citus = value("SELECT count(*) FROM pg_extension WHERE extname = 'citus'") > 0
        nodes = "SELECT nodename, nodeport FROM pg_dist_node ORDER BY groupid"
        database, user = ledger.info.dbname, ledger.info.user
        places = ledger.execute(nodes).fetchall() if is_citus else []
        urls = [f"postgresql://{user}@{host}:{port}/{database}" for host, port in places] or [url]
        ledger.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        if missing := ACCOUNTS - value("SELECT count(*) FROM wallet.account"):
            ledger.execute(OPEN.format(count=missing))
        at: dict[int, int] = dict(ledger.execute(PLACES).fetchall()) if is_citus else {}
        for kind in kinds:
            sources = [id for id in range(1, ACCOUNTS + 1) if kind != "hot10" or id <= 10]
            targets = sources
            if kind in ("near", "far"):
                first = at[1]
                sources = [id for id in sources if at[id] == first]
                targets = [id for id in targets if (at[id] == first) == (kind == "near")]
            key = ", gen_random_uuid()::text" if kind == "keyed" else ""
            script = (
                f"\\set s random(1, {len(sources)})\n"
                f"\\set t 1 + (:s - 1 + random(1, {len(targets) - 1})) % {len(targets)}\n"
                f"SELECT wallet.transfer(('{{{','.join(map(str, sources))}}}'::bigint[])[:s],"
                f" ('{{{','.join(map(str, targets))}}}'::bigint[])[:t], 1{key});\n"
            )
            before, made = readings(urls), value("SELECT count(*) FROM wallet.transaction")
            began = time.monotonic()
            done = subprocess.run(
                [
                    *("pgbench", "--no-vacuum", "--file=-", "--failures-detailed", "-j2"),
                    *(f"-c{CLIENTS}", f"-t{count // CLIENTS}", url),
                ],
                input=script,
                capture_output=True,
                text=True,
                check=False,
            )
            seconds = time.monotonic() - began
            each = [
                {name: (now[name] - then[name]) for name in now}
                for now, then in zip(readings(urls), before, strict=True)
            ]
            made = value("SELECT count(*) FROM wallet.transaction") - made
            print(f"{kind}: {made} transfers in {seconds:.0f} s, {made / seconds:.0f} a second")
            for number, node in enumerate(each):
                print(
                    f"  node {number}: {1000 * node['cpu'] / made:.2f} ms of CPU,"
                    f" {node['wal'] / made:.0f} bytes of WAL, {node['calls'] / made:.1f} statements"
                    f" a transfer; {node['deadlocks']:.0f} deadlocks"
                )
            if done.returncode:
                print(done.stderr[-2000:])
        audit = value("SELECT count(*) FROM wallet.audit()")
        total = value("SELECT sum(balance) FROM wallet.account")
        print(f"audit: {audit} violations; {total} in {ACCOUNTS} accounts")


def messages(places: list[int]) -> list[int]:
    """The workers that a transfer speaks to, in order; source, target and row lie at these.

    BEGIN goes with a worker's first statement. Two workers take a two-phase commit, one does not.
    """
    source, target, row = places
    workers = sorted(set(places))
    commit = workers * (2 if len(workers) > 1 else 1)
    return [source, target, row, source, target, *workers, *commit]


def simulate(workers: int, coordinators: int, cores: int, shared: bool = False) -> float:
    """Transfers a second, where each client begins its next transfer as soon as it is answered.

    Each message costs its coordinator and its worker CPU. Each node has its cores, or, if `shared`,
    all have the same ones. A message takes ROUND_TRIP ms on the way.
    """
    rng = random.Random(1)
    free = [[0.0] * cores for _ in range(1 if shared else coordinators + workers)]

    def use(node: int, begin: float, ms: float) -> float:
        core = free[0 if shared else node]
        end = max(begin, heapq.heappop(core)) + ms
        heapq.heappush(core, end)
        return end

    queue: list[tuple[float, int, int, list[int]]] = [
        (0.0, client, client % coordinators, []) for client in range(CLIENTS * (workers + 1))
    ]
    done, now = 0, 0.0
    while done < 20_000:
        now, client, coordinator, left = heapq.heappop(queue)
        if not left:
            done += 1
            left = messages([rng.randrange(workers) for _ in range(3)])
        now = use(coordinator, now, COORDINATOR) + ROUND_TRIP / 2
        now = use(coordinators + left[0], now, WORKER) + ROUND_TRIP / 2
        heapq.heappush(queue, (now, client, coordinator, left[1:]))
    return 1000 * done / now


# Measured: the CPU of a transfer on one PostgreSQL, and on a coordinator and its two workers.
ONE, ON_COORDINATOR, ON_WORKERS = 0.91, 3.11, 3.43
_SENT = [len(messages([a, b, c])) for a in range(2) for b in range(2) for c in range(2)]
COORDINATOR, WORKER = (ms * len(_SENT) / sum(_SENT) for ms in (ON_COORDINATOR, ON_WORKERS))
ROUND_TRIP = 0.2


def model() -> None:
    """The run that it is checked against, then other numbers of nodes with 8 cores each."""
    print(f"checked: 2 cores for all nodes: {simulate(2, 1, 2, shared=True):.0f} a second")
    sent = {
        kind: sum(len(messages([0, 0 if kind == "near" else 1, c])) for c in range(2)) / 2
        for kind in ("near", "far")
    }
    print(f"checked: far takes {sent['far'] / sent['near']:.2f} of near's CPU")
    print(f"one PostgreSQL with 8 cores: {8000 / ONE:.0f} a second")
    for workers in (2, 3, 10, 30):
        one, each = simulate(workers, 1, 8), simulate(workers, workers, 8)
        print(f"{workers} workers: {one:.0f} by one coordinator, {each:.0f} by {workers}")


if __name__ == "__main__":
    if sys.argv[1] == "model":
        model()
    else:
        measure(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
