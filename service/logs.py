"""Logging: one line per record, as text or as JSON."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec


class _JSON(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and the request's data."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "request", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        request: dict[str, Any] = getattr(record, "request", {})
        return " ".join([line, *(f"{name}={value}" for name, value in request.items())])


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
