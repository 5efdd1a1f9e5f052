"""The workers on one socket and the queue worker: processes that start and stop together.

Sanic has a manager of its own. In version 25.12 it never ends if it is told to stop before every
worker is up, and it gives a worker 10 seconds to stop, whatever the settings say.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger("wallet")

_STOP = {signal.SIGTERM, signal.SIGINT}
_HEARD = {*_STOP, signal.SIGCHLD}


class Child(NamedTuple):
    """A new process's job, and its tie to its parent."""

    job: str
    lifeline: int
    """The end of a pipe that is closed when the parent ends, and carries nothing else."""

    def end_with_parent(self) -> None:
        """Stop this process, whose event loop is running, if its parent is killed."""
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.remove_reader(self.lifeline)
            os.kill(os.getpid(), signal.SIGTERM)

        loop.add_reader(self.lifeline, stop)


def fork_workers(jobs: Sequence[str], listener: socket.socket) -> Child:
    """Fork a process for each job and return in it. This process supervises them, then exits.

    A process that dies is replaced. SIGTERM or SIGINT is passed on to all of them as SIGTERM. This
    process exits after the last one: with 0 if each of them did, else with 1.
    """
    signal.signal(signal.SIGCHLD, lambda *_: None)  # Else it is ignored, not waited for.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    lifeline, held = os.pipe()
    workers: dict[int, str] = {}
    stopping = False
    exit_code = 0
    while not stopping or workers:
        missing = Counter(jobs) - Counter(workers.values())
        for job in missing.elements() if not stopping else ():
            worker = os.fork()
            if not worker:
                os.setpgrp()  # A terminal's Ctrl-C is for the parent, which passes it on.
                os.close(held)
                # The name that `ps -e` and `top` show, where there is such a file.
                with suppress(OSError):
                    Path("/proc/self/comm").write_text(f"pgwallet-{job}")
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
                return Child(job, lifeline)
            workers[worker] = job
        if signal.sigwait(_HEARD) in _STOP:
            stopping = True
            listener.close()
            for worker in workers:
                os.kill(worker, signal.SIGTERM)
        for worker in list(workers):
            ended, status = os.waitpid(worker, os.WNOHANG)
            if not ended:
                continue
            job = workers.pop(worker)
            code = os.waitstatus_to_exitcode(status)
            # A process that did not yet handle the signal had nothing to finish.
            if stopping and code not in (0, -signal.SIGTERM):
                exit_code = 1
            elif not stopping:
                logger.error("%s %s ended with %s; another takes its place", job, worker, code)
                time.sleep(1)  # A process that cannot start must not keep the machine busy.
    sys.exit(exit_code)
