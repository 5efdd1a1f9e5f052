"""Kills at random moments, for tests that load a service and its server meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from random import Random
from threading import Barrier

from tests.http.processes import OwnServer, jobs, lose_power, wait_until
from tests.support.databases import Database
from tests.support.service import Service

BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgwallet' ORDER BY pid"


class Kills:
    """What is killed with SIGKILL: `queue worker`, `worker`, `backend` or `PostgreSQL`, all of it.

    Each comes at a random moment: when so many of `total` requests are answered.
    """

    def __init__(self, server: OwnServer, database: Database, service: Service) -> None:
        self._server, self._database, self._service = server, database, service

    def carry_out(
        self,
        kills: Sequence[str],
        answered: Callable[[], int],
        total: int,
        random: Random,
        barrier: Barrier,
    ) -> None:
        kills = random.sample(kills, len(kills))
        moments = sorted(random.sample(range(total // 50, total * 19 // 20), len(kills)))
        barrier.wait(60)
        for what, moment in zip(kills, moments, strict=True):
            wait_until(lambda m=moment: answered() >= m, f"{moment} are answered", 120)  # type: ignore[misc]
            print(f"{what} is killed after {answered()} of {total}")
            if what == "PostgreSQL":
                lose_power(self._server)
                continue
            wait_until(lambda w=what: bool(self._processes(w)), f"there is a {what}")  # type: ignore[misc]
            os.kill(random.choice(self._processes(what)), signal.SIGKILL)

    def _processes(self, what: str) -> list[int]:
        if what == "backend":
            return [row["pid"] for row in self._database.execute(BACKENDS)]
        return sorted(jobs(self._service.process.pid, what))
