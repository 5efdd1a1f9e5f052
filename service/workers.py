"""The workers on one socket and the queue worker: processes that start and stop together.

Sanic has a manager of its own. In version 25.12 it never ends if it is told to stop before every
worker is up, it gives a worker 10 seconds to stop, whatever the settings say, and it does not
notice a worker that hangs.
"""

from __future__ import annotations

import asyncio
import logging
import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from service.metrics import count_replaced

logger = logging.getLogger("wallet")

_STOP = {signal.SIGTERM, signal.SIGINT}
_HEARD = {*_STOP, signal.SIGCHLD}

# Each process beats once a second. One that has not beaten at so many looks, a second apart, is
# stopped or hangs. A process that starts has longer.
_BEAT_SECONDS = 1.0
_MAX_MISSED, _MAX_MISSED_AT_START = 5, 30

# A process that ends so soon after its start is started again after a pause, at first a short one.
_SOON = 5.0
_FIRST_PAUSE, _MAX_PAUSE = 0.1, 5.0


class Child:
    """A new process's job, and its ties to its parent."""

    def __init__(self, job: str, lifeline: int, beats: mmap.mmap, place: int) -> None:
        self.job = job
        # The end of a pipe that is closed when the parent ends, and carries nothing else.
        self._lifeline = lifeline
        self._beats, self._place = beats, place

    def begin(self) -> None:
        """From now on, beat, and stop if the parent is killed. The event loop is running."""
        asyncio.get_running_loop().add_reader(self._lifeline, self._stop)
        self._beat()

    def _stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._lifeline)
        os.kill(os.getpid(), signal.SIGTERM)

    def _beat(self) -> None:
        self._beats[self._place] = self._beats[self._place] % 255 + 1
        asyncio.get_running_loop().call_later(_BEAT_SECONDS, self._beat)


class _Place:
    """A job, and the process that has it."""

    def __init__(self, job: str) -> None:
        self.job = job
        self.pid: int | None = None
        self.begin = self.next_start = self.pause = 0.0
        self.beat = self.missed = 0

    def started(self, pid: int) -> None:
        self.pid = pid
        self.begin = time.monotonic()
        self.beat = self.missed = 0

    def ended(self) -> None:
        now = time.monotonic()
        # A process that cannot start must not keep the machine busy.
        soon = now - self.begin < _SOON
        self.pause = min(max(self.pause * 2, _FIRST_PAUSE), _MAX_PAUSE) if soon else 0.0
        self.next_start = now + self.pause
        self.pid = None

    def hangs(self, beat: int) -> bool:
        """Look at its beat, once a second. A machine that slept had no looks either."""
        self.missed = self.missed + 1 if beat == self.beat else 0
        self.beat = beat
        return self.missed >= (_MAX_MISSED if beat else _MAX_MISSED_AT_START)


def fork_workers(jobs: Sequence[str], listener: socket.socket) -> Child:
    """Fork a process for each job and return in it. This process supervises them, then exits.

    A process that dies is replaced; one that hangs is killed first. SIGTERM or SIGINT is passed on
    to all of them as SIGTERM. This process exits after the last one: with 0 if each of them did,
    else with 1.
    """
    signal.signal(signal.SIGCHLD, lambda *_: None)  # Else it is ignored, not waited for.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    lifeline, held = os.pipe()
    beats = mmap.mmap(-1, len(jobs))
    places = [_Place(job) for job in jobs]
    stopping = False
    exit_code = 0
    next_look = time.monotonic() + _BEAT_SECONDS
    while True:
        now = time.monotonic()
        for number, place in enumerate(places):
            if stopping or place.pid is not None or place.next_start > now:
                continue
            beats[number] = 0
            pid = os.fork()
            if not pid:
                os.setpgrp()  # A terminal's Ctrl-C is for the parent, which passes it on.
                os.close(held)
                # The name that `ps -e` and `top` show, where there is such a file.
                with suppress(OSError):
                    Path("/proc/self/comm").write_text(f"pgwallet-{place.job}")
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
                return Child(place.job, lifeline, beats, number)
            place.started(pid)
        missing = [place.next_start for place in places if place.pid is None]
        if stopping and len(missing) == len(places):
            sys.exit(exit_code)
        wake = next_look if stopping else min([next_look, *missing])
        heard = signal.sigtimedwait(_HEARD, max(0.0, wake - time.monotonic()))
        if heard and heard.si_signo in _STOP:
            stopping = True
            listener.close()
            for place in places:
                if place.pid is not None:
                    os.kill(place.pid, signal.SIGTERM)
        for place in places:
            if place.pid is None:
                continue
            ended, status = os.waitpid(place.pid, os.WNOHANG)
            if not ended:
                continue
            code = os.waitstatus_to_exitcode(status)
            # A process that did not yet handle the signal had nothing to finish.
            if stopping and code not in (0, -signal.SIGTERM):
                exit_code = 1
            elif not stopping:
                logger.error("%s %s ended with %s; another takes its place", place.job, ended, code)
            count_replaced(place.job, ended)
            place.ended()
        if time.monotonic() >= next_look:
            next_look = time.monotonic() + _BEAT_SECONDS
            for number, place in enumerate(places):
                if place.pid is not None and place.hangs(beats[number]):
                    logger.error("%s %s does not respond, and is killed", place.job, place.pid)
                    os.kill(place.pid, signal.SIGKILL)
