"""Serve: `python -m bench.baseline`, with the settings that the service has."""

from __future__ import annotations

import os
import signal

import uvloop
from aiohttp import web

from bench.baseline.app import create_app


def main() -> None:
    database_url = os.environ["WALLET_DATABASE_URL"]
    port = int(os.environ["WALLET_PORT"])
    pool_size = int(os.environ["WALLET_POOL_SIZE"])
    children: list[int] = []
    for _ in range(int(os.environ["WALLET_WORKERS"]) - 1):
        if not (child := os.fork()):
            children.clear()
            break
        children.append(child)
    try:
        web.run_app(
            create_app(database_url, pool_size),
            host="127.0.0.1",
            port=port,
            reuse_port=True,
            access_log=None,
            print=None,
            loop=uvloop.new_event_loop(),
        )
    finally:
        for child in children:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)


if __name__ == "__main__":
    main()
