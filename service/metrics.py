"""What Prometheus may ask. Each process counts for itself; whichever is asked adds it all up.

No label holds an id, an email, a path or anything else that a client chose.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from atexit import register
from collections.abc import Iterable
from functools import cache
from time import time
from typing import Any

# The library chooses how to keep its values when it is imported: in files of this folder, one for
# each process, so that what a process has counted outlives it.
_FOLDER = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="pgwallet-metrics-")


def _remove_folder(maker: int) -> None:
    if os.getpid() == maker:
        shutil.rmtree(_FOLDER, ignore_errors=True)


register(_remove_folder, os.getpid())

from prometheus_client import (  # noqa: E402
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead  # noqa: E402

from service import __version__  # noqa: E402
from service.codes import CODES  # noqa: E402

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_requests = Histogram(
    "pgwallet_request_seconds",
    "Requests, from the first byte of each to its answer.",
    ("route", "method", "status"),
    buckets=_SECONDS,
)
_problems = Counter("pgwallet_problems", "Answers that are a problem, by its code.", ("code",))
_unknown = Counter("pgwallet_unknown_outcomes", "Answers that say that the outcome is unknown.")
_group_size = Histogram(
    "pgwallet_group_size",
    "Payments, withdrawals and transfers that went to PostgreSQL in one call.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000),
)
connections_in_use = Gauge(
    "pgwallet_connections_in_use",
    "Connections of the workers that run a call, looked at once a second.",
    multiprocess_mode="livesum",
)
_waits = Counter("pgwallet_connection_waits", "Calls that found no connection idle.")
_failures = Counter("pgwallet_database_failures", "Failures of the database, by kind.", ("kind",))
_reads = Counter(
    "pgwallet_reads", "Reads that a standby could answer, by which server did.", ("server",)
)
standby_lag = Gauge(
    "pgwallet_standby_lag_seconds",
    "How far the standby of WALLET_READ_URL is behind, at most; of all workers the most.",
    multiprocess_mode="livemax",
)
_processes = Counter("pgwallet_processes_replaced", "Processes that died or hung.", ("job",))

_violations = Gauge(
    "pgwallet_audit_violations",
    "What the last GET /audit found.",
    multiprocess_mode="mostrecent",
)
_audit_time = Gauge(
    "pgwallet_audit_timestamp_seconds",
    "When the last GET /audit ended; 0 if there was none since the start.",
    multiprocess_mode="mostrecent",
)

# What never happened is 0, not absent: an alert looks at what it rises from.
for _code in CODES:
    _problems.labels(_code)
for _job in ("queue", "worker"):
    _processes.labels(_job)
for _server in ("primary", "standby"):
    _reads.labels(_server)

count_group = _group_size.observe
count_unknown = _unknown.inc
count_wait = _waits.inc


def count_read(server: str) -> None:
    _reads.labels(server).inc()


@cache
def _answered(path: str | None, method: str, status: int) -> Histogram:
    route = "none" if path is None else "/" + path.replace(":str>", "}").replace("<", "{")
    return _requests.labels(route, method, str(status))


def count_request(request: Any, status: int, seconds: float) -> None:
    """Count an answer. `request` is None, or has no route, if it could not be read."""
    route = getattr(request, "route", None)
    path, method = (route.path, request.method) if route else (None, "none")
    _answered(path, method, status).observe(seconds)


def count_problem(code: str) -> None:
    _problems.labels(code).inc()


def count_failure(kind: str, times: int = 1) -> None:
    _failures.labels(kind).inc(times)


def set_audit(violations: int) -> None:
    """Note what an audit found that has just ended."""
    _violations.set(violations)
    _audit_time.set_to_current_time()


def count_replaced(job: str, pid: int) -> None:
    """Count a process that ended; what it has counted stays."""
    _processes.labels(job).inc()
    mark_process_dead(pid)  # type: ignore[no-untyped-call]


class _Now:
    """What is looked up when it is asked for."""

    def __init__(self, pending: int | None, oldest: float | None) -> None:
        self._pending, self._oldest = pending, oldest

    def collect(self) -> Iterable[Metric]:
        build = GaugeMetricFamily("pgwallet_build_info", "The version.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        if self._pending is not None:
            yield GaugeMetricFamily(
                "pgwallet_queue_pending", "Queued transfers.", value=self._pending
            )
            yield GaugeMetricFamily(
                "pgwallet_queue_oldest_seconds",
                "For how long the oldest queued transfer has waited.",
                value=max(0.0, time() - self._oldest) if self._oldest else 0,
            )


def text(pending: int | None, oldest: float | None) -> bytes:
    """All metrics as Prometheus reads them. `oldest` is a time as of time.time().

    Without `pending` the queue could not be looked at, and is left out.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, _FOLDER)  # type: ignore[no-untyped-call]
    registry.register(_Now(pending, oldest))
    return generate_latest(registry)
