"""Settings, read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


class ConfigError(Exception):
    """A setting that cannot be used. The message names it and says what it takes."""


@dataclass(frozen=True)
class Settings:
    """What the service runs with. Times are in seconds, sizes in bytes."""

    database_url: str
    """WALLET_DATABASE_URL, as libpq writes it: postgresql://wallet_app:…@host:5432/wallet."""
    host: str = "127.0.0.1"
    """WALLET_HOST: the address to listen on."""
    port: int = 8000
    """WALLET_PORT: the port to listen on."""
    workers: int = 1
    """WALLET_WORKERS: processes that answer requests; each has a pool of its own."""
    pool_size: int = 16
    """WALLET_POOL_SIZE: the most connections that one worker opens."""
    pool_timeout: float = 2.0
    """WALLET_POOL_TIMEOUT: how long a request waits for a connection, then 503 `busy`."""
    lock_timeout: float = 2.0
    """WALLET_LOCK_TIMEOUT: how long a call waits for an account, then 503 `busy`."""
    statement_timeout: float = 5.0
    """WALLET_STATEMENT_TIMEOUT: how long a call may take in all, then 503 `busy`."""
    shutdown_timeout: float = 15.0
    """WALLET_SHUTDOWN_TIMEOUT: how long requests in flight have to finish when told to stop."""
    settle_mode: str = "direct"
    """WALLET_SETTLE_MODE: `direct`, or `strict` to have every POST /transaction queued."""
    log_format: str = "text"
    """WALLET_LOG_FORMAT: `text`, or `json` for a JSON object a line."""
    access_log: bool = False
    """WALLET_ACCESS_LOG: whether each request is logged."""

    @property
    def most_wait(self) -> float:
        """How long a transfer may wait for its accounts and still be done or queued in time."""
        return self.statement_timeout * 0.8

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read WALLET_* variables; unset or empty ones take their defaults.

        Raises ConfigError for a value that cannot be used, and without WALLET_DATABASE_URL.
        """
        database_url = environ.get("WALLET_DATABASE_URL", "")
        if not database_url:
            raise ConfigError(
                "WALLET_DATABASE_URL is not set; "
                "set it to postgresql://wallet_app:PASSWORD@HOST:5432/DATABASE"
            )
        if not database_url.startswith(("postgresql://", "postgres://")):
            raise ConfigError("WALLET_DATABASE_URL must begin with postgresql://")

        def number(name: str, default: float, least: float, most: float) -> float:
            text = environ.get(name, "")
            try:
                value = float(text) if text else default
            except ValueError:
                value = float("nan")
            if not least <= value <= most:
                raise ConfigError(f"{name} is {text!r}; it takes a number from {least} to {most}")
            return value

        def integer(name: str, default: int, least: int, most: int) -> int:
            text = environ.get(name, "")
            if text and not (text.isascii() and text.isdigit()):
                raise ConfigError(f"{name} is {text!r}; it takes a whole number")
            return int(number(name, default, least, most))

        def choice(name: str, *choices: str) -> str:
            text = environ.get(name, "") or choices[0]
            if text not in choices:
                raise ConfigError(f"{name} is {text!r}; it takes {' or '.join(choices)}")
            return text

        return cls(
            database_url=database_url,
            host=environ.get("WALLET_HOST", "") or cls.host,
            port=integer("WALLET_PORT", cls.port, 1, 65535),
            workers=integer("WALLET_WORKERS", cls.workers, 1, 256),
            pool_size=integer("WALLET_POOL_SIZE", cls.pool_size, 1, 1000),
            pool_timeout=number("WALLET_POOL_TIMEOUT", cls.pool_timeout, 0.01, 60),
            lock_timeout=number("WALLET_LOCK_TIMEOUT", cls.lock_timeout, 0.01, 60),
            statement_timeout=number("WALLET_STATEMENT_TIMEOUT", cls.statement_timeout, 0.01, 60),
            shutdown_timeout=number("WALLET_SHUTDOWN_TIMEOUT", cls.shutdown_timeout, 0, 600),
            settle_mode=choice("WALLET_SETTLE_MODE", "direct", "strict"),
            log_format=choice("WALLET_LOG_FORMAT", "text", "json"),
            access_log=choice("WALLET_ACCESS_LOG", "false", "true") == "true",
        )
