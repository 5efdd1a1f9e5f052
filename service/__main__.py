"""Serve: `python -m service`, with WALLET_* settings from the environment."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
from argparse import ArgumentParser
from typing import NamedTuple
from urllib.parse import urlsplit

import asyncpg
from msgspec import structs

from service import __version__
from service.app import App, create_app
from service.config import ConfigError, Settings, is_loopback
from service.door import Door
from service.queue_worker import process_until_stopped
from service.statements import MISSING
from service.workers import Child, fork_workers

logger = logging.getLogger("wallet")


class CannotStart(Exception):
    """Why the service cannot start, in a line, and what to do."""


def bind(settings: Settings) -> socket.socket:
    """A listening socket. Raises CannotStart if the address is taken or unusable."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        taken = getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES)
        raise CannotStart(
            f"cannot listen on {settings.host}:{settings.port}: {reason.lower()}; set "
            + ("WALLET_PORT to a free port" if taken else "WALLET_HOST to an address of this host")
        ) from None
    listener.listen(1024)
    listener.set_inheritable(True)
    return listener


class Found(NamedTuple):
    """What the database is."""

    name: str
    server_version: str
    synchronous_commit: str
    """For all sessions: the one found there, but never off."""


def host_of(url: str) -> str:
    """A database's host. The rest of the URL is never shown: any part may hold a password."""
    return urlsplit(url).hostname or "its socket"


def _unreadable(name: str) -> CannotStart:
    return CannotStart(
        f"{name} cannot be read; it takes postgresql://wallet_app:PASSWORD@HOST:5432/DATABASE, "
        "with every character of the password that is not a letter or digit written as % and two "
        "hexadecimal digits"
    )


async def check_database(settings: Settings) -> Found:
    """Raises CannotStart unless the database answers and has the functions."""
    try:
        connection = await asyncpg.connect(
            settings.database_url, password=settings.database_password or None, timeout=5
        )
        try:
            name = await connection.fetchval("SELECT current_database()")
            server_version: str = await connection.fetchval("SHOW server_version")
            missing: list[str] = await connection.fetchval(MISSING)
            synchronous_commit: str = await connection.fetchval("SHOW synchronous_commit")
        finally:
            await connection.close()
    # First, because a certificate that is refused is a ValueError too.
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CannotStart(
            f"cannot reach the database at {host_of(settings.database_url)}: {reason}; "
            "start it, or correct WALLET_DATABASE_URL"
        ) from None
    except ValueError:  # Its text may hold the password.
        raise _unreadable("WALLET_DATABASE_URL") from None
    if missing:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise CannotStart(
            f"the wallet functions of version {__version__} are not deployed in the database "
            f"{name}, or this user may not execute them: {missing[0].split()[0]}(){others}; deploy "
            "them with: sqitch deploy db:pg://USER@HOST/DATABASE"
        )
    # What was answered must survive a crash.
    durable = "on" if synchronous_commit == "off" else synchronous_commit
    return Found(name, server_version.split()[0], durable)


async def check_standby(settings: Settings) -> None:
    """Raises CannotStart if its URL is none. The service also runs while it does not answer."""
    try:
        connection = await asyncpg.connect(
            settings.read_url,
            password=settings.database_password or None,
            timeout=settings.read_max_lag,
        )
        await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        pass
    except ValueError:
        raise _unreadable("WALLET_READ_URL") from None


async def process_queue(settings: Settings, synchronous_commit: str, child: Child) -> None:
    child.begin()
    await process_until_stopped(settings, synchronous_commit)


def serve(app: App, listener: socket.socket, child: Child) -> None:
    @app.after_server_start
    async def begin(app: App) -> None:
        child.begin()

    app.run(sock=listener, single_process=True, motd=False, protocol=Door)


def _epilog() -> str:
    names = ", ".join(f"WALLET_{field.name.upper()}" for field in structs.fields(Settings))
    return f"Settings: {names}. docs/operations.md explains them."


def main() -> None:
    parser = ArgumentParser("pgwallet", description=__doc__, epilog=_epilog())
    parser.add_argument("--version", action="version", version=f"pgwallet {__version__}")
    parser.parse_args()
    try:
        settings = Settings.from_environ()
        listener = bind(settings)
        found = asyncio.run(check_database(settings))
        if settings.read_url:
            asyncio.run(check_standby(settings))
    except (ConfigError, CannotStart) as error:
        sys.exit(f"pgwallet: {error}")

    app = create_app(settings, found.synchronous_commit)
    reads = f"reads at {host_of(settings.read_url)}; " if settings.read_url else ""
    print(
        f"pgwallet {__version__} on {settings.host}:{settings.port}; database {found.name} at "
        f"{host_of(settings.database_url)}, PostgreSQL {found.server_version}; "
        f"{reads}workers: {settings.workers}; "
        f"API keys: {'required' if settings.needs_keys else 'off'}",
        flush=True,
    )
    if not settings.needs_keys and not is_loopback(settings.host):
        logger.warning(
            "WALLET_AUTH is off: whoever reaches %s may move any account's money", settings.host
        )
    child = fork_workers(["queue", *["worker"] * settings.workers], listener)
    if child.job == "queue":
        listener.close()
        asyncio.run(process_queue(settings, found.synchronous_commit, child))
    else:
        serve(app, listener, child)


if __name__ == "__main__":
    main()
