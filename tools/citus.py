"""A Citus cluster of a coordinator and two workers on 127.0.0.1, for as long as a command runs.

    python -m tools.citus /usr/lib/postgresql/15/bin .venv/bin/pytest tests/sql

The folder is that of PostgreSQL's programs, with Citus installed among its extensions. The command
finds the coordinator's URL in WALLET_CITUS_URL; its database `postgres` knows the workers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from tools.embedded import EmbeddedServer, temporary_folder

PORT = 25432
OPTIONS = {
    "shared_preload_libraries": "citus,pg_stat_statements",
    "listen_addresses": "127.0.0.1",
    "max_connections": "300",
    "max_prepared_transactions": "300",
    "max_worker_processes": "100",
    "shared_buffers": "64MB",
    # Two shards a worker are enough to try things with.
    "citus.shard_count": "4",
    # Between the nodes of one machine.
    "citus.node_conninfo": "sslmode=disable",
}


def url(port: int, database: str = "postgres") -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/{database}"


@contextmanager
def cluster(programs: Path, first: int = PORT, **options: str) -> Iterator[list[EmbeddedServer]]:
    """Three servers on ports in a row, the coordinator first, that know each other."""
    ports = range(first, first + 3)
    with ExitStack() as stack:
        servers = []
        for port in ports:
            given = {**OPTIONS, **options, "port": str(port)}
            server = EmbeddedServer(temporary_folder(), given, programs)
            stack.callback(server.remove)
            server.start()
            servers.append(server)
            with psycopg.connect(url(port), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION citus")
        with psycopg.connect(url(first), autocommit=True) as connection:
            connection.execute("SELECT citus_set_coordinator_host('127.0.0.1', %s)", [first])
            for port in ports[1:]:
                connection.execute("SELECT citus_add_node('127.0.0.1', %s)", [port])
        yield servers


def main() -> int:
    programs, *command = sys.argv[1:]
    # So that the servers end with this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with cluster(Path(programs), fsync=os.environ.get("FSYNC", "off")):
        print(f"WALLET_CITUS_URL={url(PORT)}", file=sys.stderr)
        return subprocess.run(
            command or [os.environ.get("SHELL", "sh")],
            env={**os.environ, "WALLET_CITUS_URL": url(PORT)},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
