"""The PostgreSQL servers that tests run on."""

from __future__ import annotations

import itertools
import os
from abc import ABC, abstractmethod
from pathlib import Path

import psycopg
from psycopg import conninfo

from tools.embedded import EmbeddedServer, path_with_programs, temporary_folder

# Tests count statements and open many connections. What a crash does is shown elsewhere, by
# servers that keep fsync on.
OPTIONS = {
    "shared_preload_libraries": "pg_stat_statements",
    "max_connections": "300",
    "fsync": "off",
    # To copy a template through few buffers takes twice as long.
    "shared_buffers": "256MB",
}
APP_PASSWORD = "wallet_app"
_numbers = itertools.count(1)


class Server(ABC):
    """A server and how to reach it as a superuser."""

    name: str

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def stop(self) -> None: ...

    @abstractmethod
    def url(self, database: str, user: str | None = None) -> str:
        """A libpq URL; without a user, a superuser's."""

    def writers(self, database: str) -> list[str]:
        """The URLs of the nodes that transactions are written on."""
        return [self.url(database)]

    def environ(self, database: str, user: str | None = None) -> dict[str, str]:
        """libpq's variables and a PATH with PostgreSQL's programs: for sqitch, psql, pg_dump."""
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
        given = conninfo.conninfo_to_dict(self.url(database, user))
        variables = {names[key]: str(given[key]) for key in names if given.get(key)}
        return {**variables, "PGDATABASE": database, "PATH": path_with_programs()}

    def execute(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)


class Embedded(Server):
    """A server of this process's own, on the wheel's programs or on those of a folder."""

    def __init__(self, programs: Path | None = None) -> None:
        self._server = EmbeddedServer(temporary_folder(), OPTIONS, programs)
        self.name = f"the server of {programs}" if programs else "the embedded server"

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.remove()

    def url(self, database: str, user: str | None = None) -> str:
        return self._server.url(user or "postgres", database)


class Container(Server):
    def __init__(self) -> None:
        from testcontainers.community.postgres import PostgresContainer

        options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
        self._container = (
            PostgresContainer("postgres:18", username="postgres", password="postgres", driver=None)
            .with_command(f"postgres {options}")
            # Whoever finds it left behind can see whose it was.
            .with_name(f"pgwallet-test-{os.getpid()}-{next(_numbers)}")
        )
        self.name = "testcontainers postgres:18"

    def start(self) -> None:
        self._container.start()

    def stop(self) -> None:
        self._container.stop()

    def url(self, database: str, user: str | None = None) -> str:
        host = self._container.get_container_host_ip()
        port = self._container.get_exposed_port(5432)
        login = f"{user}:{APP_PASSWORD}" if user else "postgres:postgres"
        return f"postgresql://{login}@{host}:{port}/{database}"


class Citus(Server):
    """The cluster whose coordinator WALLET_CITUS_URL names. Databases are made on each node."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.name = f"the Citus of {url}"
        self._nodes: list[tuple[str, int]] = []

    def start(self) -> None:
        with psycopg.connect(self._url) as connection:
            nodes = "SELECT nodename, nodeport FROM pg_dist_node ORDER BY groupid"
            self._nodes = connection.execute(nodes).fetchall()

    def stop(self) -> None:
        pass

    def url(self, database: str, user: str | None = None, node: int = 0) -> str:
        host, port = self._nodes[node]
        given = conninfo.conninfo_to_dict(self._url)
        login = f"{user}:{APP_PASSWORD}" if user else f"{given['user']}:{given.get('password', '')}"
        return f"postgresql://{login}@{host}:{port}/{database}"

    def writers(self, database: str) -> list[str]:
        return [self.url(database, node=node) for node in range(1, len(self._nodes))]

    def execute(self, statement: str, database: str = "postgres") -> None:
        for node in reversed(range(len(self._nodes))):
            here = "-c citus.enable_ddl_propagation=off -c citus.enable_alter_role_propagation=off"
            url = self.url(database, node=node)
            with psycopg.connect(url, autocommit=True, options=here) as connection:
                while True:
                    try:
                        connection.execute(statement)
                        break
                    except psycopg.errors.ObjectInUse:
                        # Citus keeps a process of its own in each database that was used.
                        connection.execute(
                            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
                            "WHERE datname <> current_database() AND usename IS NOT NULL"
                            " AND strpos(%s, ' ' || datname) > 0",
                            [statement],
                        )

    def execute_here(self, statement: str, database: str, *arguments: object) -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement, arguments)

    def prepare(self, database: str) -> None:
        self.execute("CREATE EXTENSION citus", database)
        self.execute_here("SELECT citus_set_coordinator_host(%s, %s)", database, *self._nodes[0])
        for node in self._nodes[1:]:
            self.execute_here("SELECT citus_add_node(%s, %s)", database, *node)


def chosen() -> str:
    """WALLET_TEST_DATABASE: `embedded`, `testcontainers` or a folder with PostgreSQL's programs.

    WALLET_CITUS_URL goes before it: the tests run on that Citus.
    """
    url = os.environ.get("WALLET_CITUS_URL")
    return url or os.environ.get("WALLET_TEST_DATABASE") or "embedded"


def make_server() -> Server:
    if url := os.environ.get("WALLET_CITUS_URL"):
        return Citus(url)
    match chosen():
        case "testcontainers":
            return Container()
        case "embedded":
            return Embedded()
        case folder if (Path(folder) / "initdb").exists():
            return Embedded(Path(folder))
    raise ValueError(
        f"WALLET_TEST_DATABASE is {chosen()!r}; it takes embedded, testcontainers, or a folder "
        "with initdb and PostgreSQL's other programs"
    )
