"""What goes wrong for a while: a line in the log when it begins, one when it ends."""

from __future__ import annotations

import logging
import time
from typing import NamedTuple

from service.metrics import count_failure

logger = logging.getLogger("wallet")

# Where some calls fail and some do not, a trouble has not ended with the first that does not.
_QUIET_SECONDS = 1.0


class Kind(NamedTuple):
    """A kind of trouble, as the log names its begin and its end."""

    begin: str
    end: str
    level: int = logging.ERROR


CANNOT_CONNECT = Kind("cannot connect to the database", "connected to the database again")
LOST = Kind(
    "a connection to the database was lost", "no more connections are lost", logging.WARNING
)
CANNOT_SERVE = Kind("the database cannot serve", "the database serves again")
SWEEP_STOPPED = Kind("cannot end the holds that are due", "ending due holds again", logging.WARNING)
QUEUE_STOPPED = Kind("cannot process the queue", "processing the queue again", logging.WARNING)
CANNOT_READ_KEYS = Kind("cannot read the API keys", "reading the API keys again", logging.WARNING)
CANNOT_READ_STANDBY = Kind(
    "reads do not go to the standby", "reads go to the standby again", logging.WARNING
)


for _kind in (
    *(CANNOT_CONNECT, LOST, CANNOT_SERVE, QUEUE_STOPPED, CANNOT_READ_KEYS, CANNOT_READ_STANDBY),
):
    count_failure(_kind.begin, 0)


class _Trouble:
    def __init__(self, now: float) -> None:
        self.begin = self.last = now
        self.count = 0
        self.names: set[str] = set()
        self.sources: set[object] = set()


class Troubles:
    """The troubles of a process. If a `kind` is given, all that it meets are of this one kind, and
    are over when passed() is told so with the kind as the source.
    """

    def __init__(self, kind: Kind | None = None) -> None:
        self._kind = kind
        self.ongoing: dict[Kind, _Trouble] = {}

    def met(self, kind: Kind, error: BaseException, source: object = None) -> None:
        """Count a failure. The first one is logged, and each whose reason is new.

        `source` is what must work again; without one, anything.
        """
        if self._kind:
            kind = source = self._kind
        now = time.monotonic()
        trouble = self.ongoing.setdefault(kind, _Trouble(now))
        trouble.last = now
        trouble.count += 1
        count_failure(kind.begin)
        trouble.sources.add(source)
        name = _name(error)
        if name not in trouble.names:
            trouble.names.add(name)
            logger.log(kind.level, "%s: %s", kind.begin, reason(error))

    def passed(self, source: object = None) -> None:
        """Say that what a source met is over, now that a call of its own was answered."""
        now = time.monotonic()
        for kind, trouble in list(self.ongoing.items()):
            if (
                not trouble.sources.isdisjoint((source, None))
                and now - trouble.last >= _QUIET_SECONDS
            ):
                del self.ongoing[kind]
                seconds = trouble.last - trouble.begin
                times = "1 failure" if trouble.count == 1 else f"{trouble.count} failures"
                logger.warning("%s, after %s in %.1f s", kind.end, times, seconds)


def reason(error: BaseException) -> str:
    """An error in one line that is never empty: its SQLSTATE or its type, and its text."""
    text = " ".join(str(error).split())
    if not text and isinstance(error, TimeoutError):
        text = "no answer in time"
    return f"{_name(error)}: {text}"[:500] if text else _name(error)


def _name(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or type(error).__name__
