"""Several processes that answer on one socket, started and stopped together.

Sanic brings a manager of its own. Version 25.12's never ends when it is told to stop before every
worker has said that it is up, and gives a worker 10 seconds, whatever the settings say.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time

logger = logging.getLogger("wallet")

_STOP = {signal.SIGTERM, signal.SIGINT}
_HEARD = {*_STOP, signal.SIGCHLD}


def fork_workers(count: int, listener: socket.socket) -> None:
    """Return in each of `count` new processes; in this one, look after them, then exit.

    A worker that dies is replaced. SIGTERM or SIGINT is passed on to all of them as SIGTERM, and
    this process exits when the last one has: with 0 if each did, else with 1.
    """
    signal.signal(signal.SIGCHLD, lambda *_: None)  # Else it is ignored, not waited for.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    workers: set[int] = set()
    stopping = False
    exit_code = 0
    while not stopping or workers:
        while len(workers) < count and not stopping:
            worker = os.fork()
            if not worker:
                os.setpgrp()  # A terminal's Ctrl-C is for the parent, which passes it on.
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
                return
            workers.add(worker)
        if signal.sigwait(_HEARD) in _STOP:
            stopping = True
            listener.close()
            for worker in workers:
                os.kill(worker, signal.SIGTERM)
        for worker in list(workers):
            ended, status = os.waitpid(worker, os.WNOHANG)
            if not ended:
                continue
            workers.remove(worker)
            code = os.waitstatus_to_exitcode(status)
            # One that had not come so far as to handle the signal had nothing to finish.
            if stopping and code not in (0, -signal.SIGTERM):
                exit_code = 1
            elif not stopping:
                logger.error("worker %s ended with %s; another takes its place", worker, code)
                time.sleep(1)  # One that cannot even start must not keep the machine busy.
    sys.exit(exit_code)
