"""Growth: the same load on a young ledger and an old one, and what a transaction takes on disk."""

from __future__ import annotations

from bench.database import BATCH_CLIENTS, BATCHES, pgbench
from bench.results import Results
from bench.server import Server

RUN_IN = {"young": 1, "old_few": 1, "old": 6}
"""For how many figures' time each case is run in with batches before it is measured. After a
checkpoint a page's first change is written whole, and the old ledger has many pages. With minutes
between checkpoints most changes are not the first ones; without this most would be."""


def measure_size(server: Server, results: Results, database: str, *tables: str) -> None:
    """Bytes of tables and their indexes, as the load has left them, for each row."""
    for table in tables:
        count = server.number(database, f"SELECT count(*) FROM wallet.{table}")
        parts = server.rows(
            database,
            f"""
            SELECT '{table}', pg_table_size('wallet.{table}') UNION ALL
            SELECT indexrelid::regclass::text, pg_relation_size(indexrelid)
            FROM pg_index WHERE indrelid = 'wallet.{table}'::regclass
            """,
        )
        results.add(f"size/{table}/rows", count)
        for name, size in parts:
            part = str(name).removeprefix("wallet.")
            results.add(f"size/{table}/{part}", float(str(size)) / count)


def measure_growth(
    server: Server, results: Results, rounds: int, seconds: int, ledgers: dict[str, tuple[int, int]]
) -> None:
    """transfer() on each ledger, of so many accounts and transactions, in turns.

    On the old one also among as many accounts as the young one has: what the transactions cost that
    are there, without what more accounts cost.
    """
    (young, (few, _)), (old, (many, _)) = ledgers.items()
    cases = {
        "young": (young, few),
        "old_few": (old, few),
        "old": (old, many),
    }
    for database, (accounts, transactions) in ledgers.items():
        server.make_ledger(database, accounts, transactions)
    with server.connect("postgres") as connection:
        connection.execute("CHECKPOINT")
    scripts = ["pick_uniform", "transfer"]
    for case, (database, accounts) in cases.items():
        pgbench(
            server,
            database,
            "wallet_app",
            ["batch"],
            RUN_IN[case] * seconds,
            clients=BATCH_CLIENTS,
            accounts=accounts,
            items=BATCHES[-1],
        )
    for number in range(rounds):
        for case in list(cases)[:: -1 if number % 2 else 1]:
            database, accounts = cases[case]
            outcome = pgbench(server, database, "wallet_app", scripts, seconds, accounts=accounts)
            results.add(f"growth/{case}", outcome.rate)
            results.add(f"growth/{case}/wal", outcome.wal)
            results.add(f"growth/{case}/images", outcome.images)
