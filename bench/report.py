"""The report: tables and charts out of what was measured, as far as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from textwrap import fill

from bench.charts import Bar, Panel, chart
from bench.database import DISTRIBUTIONS, VARIANTS
from bench.http import CASES, CONNECTIONS, READERS, READS
from bench.results import Results
from bench.text import number, spread, table

WHERE = {
    "uniform": "10 000 accounts",
    "zipf": "10 000, Zipf",
    "hot10": "10 hot accounts",
    "hot1": "into one account",
}
HTTP = {
    **WHERE,
    "uniform_128": "10 000 accounts, 128 connections",
    "hot10_128": "10 hot accounts, 128 connections",
    "keyed": "10 000 accounts, keyed",
    "mixed": "10 000 accounts, half payments",
    "stuck": "10 000 accounts beside a locked one",
    "one": "10 000 accounts, 1 connection",
}
WHO = {
    "transfer": "transfer()",
    "client_side": "client-side transaction",
    "client_side_sorted": "client-side, ids sorted",
    "service": "this service",
    "ungrouped": "this service, ungrouped",
    "two_workers": "this service, two workers",
    "with_keys": "this service, API keys required",
    "baseline": "baseline",
}
PARTS = {"service": "service", "postgresql": "PostgreSQL", "wrk": "wrk"}
KINDS = {
    "single": "single calls",
    "keyed": "single calls, keyed",
    "hold": "hold() and capture()",
    "group_32": "groups of 32",
    "group_128": "groups of 128",
    "keyed_group_128": "groups of 128, keyed",
    "batch_1000": "batches of 1 000",
    "batch_5000": "batches of 5 000",
    "queue": "queued and processed",
    "queue/enqueue": "of these, queued",
    "queue/process": "of these, processed",
}
LEDGERS = {
    "young": "young ledger",
    "old_few": "old ledger, 10 000 of its accounts active",
    "old": "old ledger, all accounts active",
}
RATIOS = {
    "transfer() ÷ client-side transaction, 10 000 accounts": (
        "pgbench/uniform/transfer",
        "pgbench/uniform/client_side",
    ),
    "transfer() ÷ client-side transaction, 10 hot accounts": (
        "pgbench/hot10/transfer",
        "pgbench/hot10/client_side",
    ),
    "transfer() ÷ client-side transaction with sorted ids, 10 000 accounts": (
        "pgbench/uniform/transfer",
        "pgbench/uniform/client_side_sorted",
    ),
    "HTTP: this service ÷ baseline, 10 000 accounts": (
        "http/uniform/service",
        "http/uniform/baseline",
    ),
    "HTTP: this service ÷ baseline, 10 hot accounts": ("http/hot10/service", "http/hot10/baseline"),
    "HTTP: this service ÷ baseline, 10 000 accounts, 128 connections": (
        "http/uniform_128/service",
        "http/uniform_128/baseline",
    ),
    "HTTP: this service on 10 hot accounts ÷ on 10 000": (
        "http/hot10/service",
        "http/uniform/service",
    ),
    "HTTP: this service on 10 hot accounts ÷ on 10 000, 128 connections": (
        "http/hot10_128/service",
        "http/uniform_128/service",
    ),
    "HTTP: this service, keyed ÷ without keys": ("http/keyed/service", "http/uniform/service"),
    "HTTP: this service, API keys required ÷ not": (
        "http/uniform/with_keys",
        "http/uniform/service",
    ),
    "HTTP: this service, half payments ÷ transfers alone": (
        "http/mixed/service",
        "http/uniform/service",
    ),
    "HTTP: this service beside a locked account ÷ without one": (
        "http/stuck/service",
        "http/uniform/service",
    ),
    "HTTP: baseline beside a locked account ÷ without one": (
        "http/stuck/baseline",
        "http/uniform/baseline",
    ),
    "HTTP: grouped ÷ ungrouped": ("http/uniform/service", "http/uniform/ungrouped"),
    "HTTP: grouped ÷ ungrouped, 128 connections": (
        "http/uniform_128/service",
        "http/uniform_128/ungrouped",
    ),
    "HTTP: grouped ÷ ungrouped, p50 of 1 connection": (
        "http/one/service/p50",
        "http/one/ungrouped/p50",
    ),
    "HTTP: two workers ÷ one": ("http/uniform/two_workers", "http/uniform/service"),
    "HTTP: two workers ÷ one, 128 connections": (
        "http/uniform_128/two_workers",
        "http/uniform_128/service",
    ),
    "HTTP: this service ÷ pgbench calling transfer()": (
        "http/uniform/service",
        "http/uniform/pgbench",
    ),
    "single calls, keyed ÷ without keys": ("many/uniform/keyed", "many/uniform/single"),
    "hold() and capture() ÷ single calls": ("many/uniform/hold", "many/uniform/single"),
    "groups of 128 ÷ single calls": ("many/uniform/group_128", "many/uniform/single"),
    "groups of 128, keyed ÷ without keys": (
        "many/uniform/keyed_group_128",
        "many/uniform/group_128",
    ),
    "batches of 5 000 ÷ single calls, 10 000 accounts": (
        "many/uniform/batch_5000",
        "many/uniform/single",
    ),
    "queueing and processing ÷ single calls, into one account": (
        "many/hot1/queue",
        "many/hot1/single",
    ),
    "processing alone ÷ single calls, into one account": (
        "many/hot1/queue/process",
        "many/hot1/single",
    ),
    "batches of 5 000 ÷ single calls, into one account": (
        "many/hot1/batch_5000",
        "many/hot1/single",
    ),
    "old ledger ÷ young ledger": ("growth/old", "growth/young"),
    "old ledger ÷ young ledger, 10 000 accounts active in both": (
        "growth/old_few",
        "growth/young",
    ),
}
IN_README = (
    "transfer() ÷ client-side transaction, 10 000 accounts",
    "transfer() ÷ client-side transaction, 10 hot accounts",
    "HTTP: this service ÷ baseline, 10 000 accounts",
    "HTTP: this service ÷ baseline, 10 000 accounts, 128 connections",
    "HTTP: this service ÷ baseline, 10 hot accounts",
    "HTTP: this service, keyed ÷ without keys",
    "HTTP: this service beside a locked account ÷ without one",
    "batches of 5 000 ÷ single calls, 10 000 accounts",
    "old ledger ÷ young ledger",
)
BEGIN, END = "<!-- written by make bench -->", "<!-- end of what make bench wrote -->"


def ratios(results: Results) -> dict[str, list[float]]:
    """Each ratio that was measured: round by round."""
    measured = {title: results.ratio(*pair) for title, pair in RATIOS.items() if results.has(*pair)}
    return {title: values for title, values in measured.items() if values}


def tables(results: Results) -> list[tuple[str, str]]:
    """Every table with its title, in the report's order."""
    made = [
        ("Ratios", _ratios(results)),
        ("In the database: transfers a second", _singles(results)),
        ("Over HTTP: writes", _http(results)),
        ("Over HTTP: CPU seconds for 1 000 successes", _cpu(results)),
        ("Over HTTP: reads", _reads(results)),
        ("Groups, batches and the queue: transfers a second", _many(results)),
        ("Growth", _growth(results)),
        ("Bytes on disk", _size(results)),
        ("Start-up", _startup(results)),
        ("Memory in MB", _memory(results)),
    ]
    return [(title, text) for title, text in made if text]


def _ratios(results: Results, titles: Iterable[str] = RATIOS) -> str:
    measured = ratios(results)
    rows = [[title, spread(measured[title])] for title in titles if title in measured]
    return table(["", "median (least–most)"], rows) if rows else ""


def _singles(results: Results) -> str:
    head = ["", "transfers a second", "deadlocks a second", "WAL bytes each"]
    rows = []
    for distribution in DISTRIBUTIONS:
        for variant in VARIANTS:
            name = f"pgbench/{distribution}/{variant}"
            if results.has(name):
                rows.append(
                    [
                        f"{WHERE[distribution]}: {WHO[variant]}",
                        spread(results.figures[name]),
                        number(results.median(f"{name}/failed")),
                        number(results.median(f"{name}/wal")),
                    ]
                )
    return table(head, rows) if rows else ""


def _http_rows(results: Results) -> Iterable[tuple[str, str]]:
    """Each case of a service that was measured: the row's label, and the figures' name."""
    for case, of in CASES.items():
        for who in of.services:
            name = f"http/{case}/{who}"
            if results.has(name):
                yield f"{HTTP[case]}: {WHO[who]}", name


def _http(results: Results) -> str:
    rows = [
        [
            label,
            *(spread(results.figures[f"{name}{part}"]) for part in ("", "/p50", "/p99")),
            number(results.median(f"{name}/errors")),
        ]
        for label, name in _http_rows(results)
    ]
    head = ["", "successes a second", "p50 in ms", "p99 in ms", "errors a second"]
    return table(head, rows) if rows else ""


def _cpu(results: Results) -> str:
    rows = [
        [label] + [number(results.median(f"{name}/cpu/{part}")) for part in PARTS]
        for label, name in _http_rows(results)
    ]
    return table(["", *PARTS.values()], rows) if rows else ""


def _reads(results: Results) -> str:
    paths = {
        "account": "GET /account/{id}",
        "transaction": "GET /transaction/{id}",
        "statement": "GET /account/{id}/transaction",
    }
    rows = []
    for read in READS:
        for who in READERS:
            name = f"reads/{read}/{who}"
            if results.has(name):
                rows.append(
                    [f"{paths[read]}: {WHO[who]}", spread(results.figures[name])]
                    + [number(results.median(f"{name}/{part}")) for part in ("p50", "p99")]
                )
    return table(["", "answers a second", "p50 in ms", "p99 in ms"], rows) if rows else ""


def _kinds(results: Results) -> dict[str, str]:
    """The kinds of calls that were measured, with their labels."""
    return {kind: label for kind, label in KINDS.items() if results.has(f"many/uniform/{kind}")}


def _many(results: Results) -> str:
    def cell(where: str, kind: str) -> str:
        name = f"many/{where}/{kind}"
        return spread(results.figures[name]) if results.has(name) else ""

    rows = [
        [label, cell("uniform", kind), cell("hot1", kind)]
        for kind, label in _kinds(results).items()
    ]
    return table(["", WHERE["uniform"], WHERE["hot1"]], rows) if rows else ""


def _growth(results: Results) -> str:
    rows = [
        [label, spread(results.figures[f"growth/{case}"])]
        + [number(results.median(f"growth/{case}/{part}")) for part in ("wal", "images")]
        for case, label in LEDGERS.items()
        if results.has(f"growth/{case}")
    ]
    head = ["", "transfers a second", "WAL bytes each", "whole pages each"]
    return table(head, rows) if rows else ""


def _size(results: Results) -> str:
    rows = []
    for owner in ("transaction", "account", "idempotency_key"):
        names = [n for n in results.figures if n.startswith(f"size/{owner}/{owner}")]
        for name in names:
            rows.append([name.rpartition("/")[2], number(results.median(name))])
        if names:
            total = sum(results.median(name) for name in names)
            rows.append([f"**a row of {owner}, in all**", f"**{number(total)}**"])
    return table(["", "bytes a row"], rows) if rows else ""


def _startup(results: Results) -> str:
    labels = {
        "new": "nothing there: initdb and deploy included",
        "warm": "the data folder is there",
    }
    rows = [
        [label, spread(results.figures[f"startup/{kind}"])]
        for kind, label in labels.items()
        if results.has(f"startup/{kind}")
    ]
    return table(["make run to its first answer", "seconds"], rows) if rows else ""


def _memory(results: Results) -> str:
    rows = []
    for who in READERS:
        for suffix, label in (("", WHO[who]), ("_postgresql", f"PostgreSQL under {WHO[who]}")):
            name = f"memory/{who}{suffix}"
            if results.has(f"{name}/rest", f"{name}/load"):
                rows.append(
                    [label] + [number(results.median(f"{name}/{w}")) for w in ("rest", "load")]
                )
    return table(["", "at rest", "under load"], rows) if rows else ""


def charts(results: Results) -> dict[str, str]:
    """Each chart's file name and SVG text."""

    def bars(*pairs: tuple[str, str]) -> list[Bar]:
        return [Bar(WHO.get(s, s), results.figures[name]) for s, name in pairs if results.has(name)]

    def over_http(part: str, suffix: str = "") -> dict[str, list[Bar]]:
        return {
            WHERE[d]: bars(*((w, f"http/{d}{suffix}/{w}{part}") for w in READERS))
            for d in ("uniform", "hot10")
        }

    drawn = {
        "transfers.svg": [
            Panel(
                "Transfers a second in the database",
                {
                    WHERE[d]: bars(*((v, f"pgbench/{d}/{v}") for v in VARIANTS))
                    for d in DISTRIBUTIONS
                },
            )
        ],
        "http.svg": [
            Panel(f"Transfers a second over HTTP, {CONNECTIONS} connections", over_http("")),
            Panel("Transfers a second over HTTP, 128 connections", over_http("", "_128")),
            Panel(f"p99 in milliseconds, {CONNECTIONS} connections", over_http("/p99")),
        ],
        "many.svg": [
            Panel(
                f"Transfers a second, {WHERE[where]}",
                {
                    label: bars(("", f"many/{where}/{kind}"))
                    for kind, label in _kinds(results).items()
                    if "/" not in kind
                },
            )
            for where in ("uniform", "hot1")
        ],
        "growth.svg": [
            Panel(
                "Transfers a second",
                {
                    label.replace(" ledger", "", 1): bars(("", f"growth/{case}"))
                    for case, label in {
                        "young": "young ledger",
                        "old_few": "old ledger, few active",
                        "old": "old ledger, all active",
                    }.items()
                },
            )
        ],
    }
    measured = {
        name: [
            Panel(panel.title, groups)
            for panel in panels
            if (groups := {label: bars for label, bars in panel.groups.items() if bars})
        ]
        for name, panels in drawn.items()
    }
    return {name: chart(panels) for name, panels in measured.items() if panels}


def write_report(results: Results, folder: Path) -> None:
    """Write report.md, its charts and results.json into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = charts(results)
    for name, text in drawn.items():
        (folder / name).write_text(text)
    chapters = {
        "In the database: transfers a second": "transfers.svg",
        "Over HTTP: writes": "http.svg",
        "Groups, batches and the queue: transfers a second": "many.svg",
        "Growth": "growth.svg",
    }
    parts = [INTRODUCTION]
    parts.append("\n".join(f"- {name}: {fact}" for name, fact in results.facts.items()))
    for title, text in tables(results):
        parts.append(f"## {title}")
        if title in NOTES:
            parts.append(fill(NOTES[title], 100))
        if chapters.get(title) in drawn:
            parts.append(f"![{title}]({chapters[title]})")
        parts.append(text)
    (folder / "report.md").write_text("\n\n".join(parts) + "\n")
    results.write(folder / "results.json")


def write_readme(results: Results, path: Path) -> None:
    """Write the README's figures anew, between the two comments that mark them."""
    lines = [
        "![Transfers a second in the database](bench/transfers.svg)",
        _ratios(results, IN_README),
    ]
    block = f"{BEGIN}\n\n" + "\n\n".join(lines) + f"\n\n{END}"
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    path.write_text(pattern.sub(lambda _: block, path.read_text()))


INTRODUCTION = """# Benchmark

Written by `make bench`. What is compared was measured in turns, in one run, on one machine: ratios
are what counts. A figure is the median of the rounds, with the least and the most behind it; a
ratio is taken round by round."""

NOTES = {
    "In the database: transfers a second": """`transfer()` is one round trip. The client-side
transaction is what a service runs that writes the tables itself: BEGIN, SELECT … FOR UPDATE of the
source, then of the target, two UPDATEs, INSERT, COMMIT. With sorted ids both are locked in one
SELECT, the lower id first. All write the same rows (`tests/bench`). A rate counts what was
committed; a deadlock costs its client a second, PostgreSQL's `deadlock_timeout`. Nothing is
refused: accounts hold enough, and a refusal would end the run.""",
    "Over HTTP: writes": """POST /transaction; of half payments, every other request is a
POST /account/{id}/payment. The baseline (`bench/baseline/`) is aiohttp and asyncpg, the client-side
transaction with explicit row locks in the request's order, and 503 when PostgreSQL breaks a
deadlock. Both services have the same number of processes and connections, uvloop, and no access
log. Ungrouped is this service with WALLET_GROUP_MAX=1. Keyed requests have an Idempotency-Key each.
Beside a locked account: a session keeps one more account locked, and 30 more requests a second need
it; they are not in the figures. Percentiles are over all answers; a request that got none by the
end is not among them.""",
    "Groups, batches and the queue: transfers a second": """Single calls and those that queue come
from 16 clients, groups and batches from 4. A group is one call of `run_group()`, a batch one of
`transfer_batch()`. A hold and its capture are two calls, and count as one transfer. Queued and
processed is what both took together: first all is queued, then one client processes it, 5 000 at a
time.""",
    "Growth": """Each ledger was made in SQL with every entry and balance as `transfer()` would have
written it, checkpointed, and run in with batches for some seconds. Whole pages are what PostgreSQL
writes to the WAL at a page's first change after a checkpoint.""",
    "Bytes on disk": """After the load in the database above, among 10 000 accounts, and for keys
after the load over HTTP: what indexes take that grew in random order, not what they take when just
built.""",
}
