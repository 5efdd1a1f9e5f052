"""A proxy between the service and PostgreSQL, which can make the server look silent."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from threading import Lock, Thread

from psycopg import conninfo

from tests.support.databases import Database


class Proxy:
    """Forwards what the service and the database say, until it is told to be silent."""

    def __init__(self, database: Database) -> None:
        given = conninfo.conninfo_to_dict(database.url("wallet_app"))
        self._host, self._port = str(given["host"]), int(given.get("port") or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._silent: set[socket.socket] = set()
        self._rows, self._hangs_up = 1, False
        self._black_holes: set[socket.socket] = set()
        self.delay = 0.0
        """Seconds by which whatever the server says is late."""
        self.is_deaf = False
        """Whether nothing is passed on, in either direction, on any connection."""
        self.connections = 0
        """How many connections were opened."""
        login = f"wallet_app:{given.get('password', '')}"
        port = self._listener.getsockname()[1]
        self.url = f"postgresql://{login}@127.0.0.1:{port}/{database.name}"
        Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        # Else accept() would go on waiting.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for end in self._sockets:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def fall_silent(self, rows: int = 1, *, hang_up: bool = False) -> None:
        """Drop the result of each open connection's next call that returns so many rows.

        All that follows it is dropped as well; with `hang_up` the connection is closed instead. The
        server still hears everything, so the calls are made and committed. It says that a call is
        done only once it is committed. A connection that is opened later is answered.
        """
        self._rows, self._hangs_up = rows, hang_up
        with self._lock:
            self._silent.update(self._sockets)

    def swallow(self) -> None:
        """Pass nothing on, in either direction, on the connections that are open; new ones work."""
        with self._lock:
            self._black_holes.update(self._sockets)

    def cut(self, how: int = socket.SHUT_RDWR) -> None:
        """Close all connections on the service's side; with SHUT_WR, only end what it hears."""
        with self._lock:
            for client in self._sockets[::2]:
                with suppress(OSError):
                    client.shutdown(how)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._connect()
                with self._lock:
                    self._sockets += [client, server]
                    self.connections += 1
                for source, target, to_server in ((client, server, True), (server, client, False)):
                    arguments = (source, target, to_server)
                    Thread(target=self._forward, args=arguments, daemon=True).start()

    def _connect(self) -> socket.socket:
        if not self._host.startswith("/"):
            return socket.create_connection((self._host, self._port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self._host}/.s.PGSQL.{self._port}")
        return server

    def _forward(self, source: socket.socket, target: socket.socket, to_server: bool) -> None:
        mute = False
        with suppress(OSError):
            while data := source.recv(65536):
                if self.is_deaf or source in self._black_holes:
                    continue
                if not to_server:
                    time.sleep(self.delay)
                # The tag that ends the result of a call.
                tag = b"SELECT %d\0" % self._rows
                mute = mute or (not to_server and source in self._silent and tag in data)
                if not mute:
                    target.sendall(data)
                elif self._hangs_up:
                    break
            target.shutdown(socket.SHUT_WR)
