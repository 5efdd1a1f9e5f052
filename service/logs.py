"""Logging: one line per record, as text or as JSON."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

_MAX_LENGTH = 500


def _short(value: object) -> object:
    """What a client sent, at a length that a log can bear."""
    if isinstance(value, str) and len(value) > _MAX_LENGTH:
        return f"{value[:_MAX_LENGTH]}…"
    return value


def _one_line(text: str) -> str:
    """The text without anything that ends a line, moves a terminal's cursor or is no Unicode."""
    return _unprintable(lambda found: ascii(found[0])[1:-1], text)


# Control characters, line and paragraph separators, and halves of surrogate pairs.
_unprintable = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]").sub


class _JSON(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and the request's data."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: _short(value) for name, value in getattr(record, "request", {}).items()},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        request: dict[str, Any] = getattr(record, "request", {})
        pairs = (f"{name}={_short(value)}" for name, value in request.items())
        # The first line is the record; a stack trace follows, indented.
        line, *trace = super().format(record).split("\n")
        return "\n    ".join([" ".join([line, *map(_one_line, pairs)]), *map(_one_line, trace)])

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return _one_line(super().formatMessage(record))


def logging_config(log_format: str) -> dict[str, Any]:
    """A `logging.config` dictionary for `text` or `json`; everything goes to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"()": _Text, "format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
            "json": {"()": _JSON},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": log_format,
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            "wallet": {"level": "INFO"},
            # Sanic's own records propagate to the root, so that one format holds for all.
            "sanic": {"level": "WARNING", "handlers": [], "propagate": True},
            "sanic.root": {"level": "WARNING", "handlers": [], "propagate": True},
            "sanic.error": {"level": "ERROR", "handlers": [], "propagate": True},
            "sanic.access": {"level": "WARNING", "handlers": [], "propagate": True},
            "sanic.server": {"level": "WARNING", "handlers": [], "propagate": True},
            "sanic.websockets": {"level": "ERROR", "handlers": [], "propagate": True},
        },
    }
