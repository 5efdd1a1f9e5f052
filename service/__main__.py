"""Serve: `python -m service`, with WALLET_* settings from the environment."""

from __future__ import annotations

import asyncio
import socket
import sys
from functools import partial
from urllib.parse import urlsplit

import asyncpg
from sanic import Sanic
from sanic.worker.loader import AppLoader

from service.app import create_app
from service.config import ConfigError, Settings
from service.database import IS_READY


class CannotStart(Exception):
    """Why the service cannot start, in a line, and what to do."""


def bind(settings: Settings) -> socket.socket:
    """A listening socket. Raises CannotStart when the address is taken or not to be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotStart(
            f"cannot listen on {settings.host}:{settings.port}: {reason.lower()}; "
            "set WALLET_PORT to a free port"
        ) from None
    listener.listen(1024)
    listener.set_inheritable(True)
    return listener


async def check_database(settings: Settings) -> None:
    """Raise CannotStart unless the database answers, and holds what this service calls."""
    url = urlsplit(settings.database_url)
    where = f"{url.hostname or url.query or 'localhost'}{url.path}"
    try:
        connection = await asyncpg.connect(settings.database_url, timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise CannotStart(
            f"cannot reach the database at {where}: {' '.join(reason.split())}; "
            "start it, or correct WALLET_DATABASE_URL"
        ) from None
    try:
        if not await connection.fetchval(IS_READY):
            raise CannotStart(
                f"the wallet functions are not deployed in the database at {where}, or this user "
                "may not execute them; deploy them with: sqitch deploy db:pg://USER@HOST/DATABASE"
            )
        if await connection.fetchval("SELECT current_setting('synchronous_commit')") == "off":
            raise CannotStart(
                f"synchronous_commit is off in the database at {where}: what is answered would not "
                "survive a crash; set it to on"
            )
    finally:
        await connection.close()


def main() -> None:
    try:
        settings = Settings.from_environ()
        listener = bind(settings)
        asyncio.run(check_database(settings))
    except (ConfigError, CannotStart) as error:
        sys.exit(f"pgwallet: {error}")

    app = create_app(settings)
    if settings.workers == 1:
        app.run(sock=listener, single_process=True, motd=False)
    else:
        app.prepare(sock=listener, workers=settings.workers, motd=False)
        Sanic.serve(primary=app, app_loader=AppLoader(factory=partial(create_app, settings)))


if __name__ == "__main__":
    main()
