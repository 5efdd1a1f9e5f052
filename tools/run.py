"""`make run`: PostgreSQL, the schema and the service, from one command. `make reset` starts afresh.

If WALLET_DATABASE_URL is set, that server is used, and none is started or changed.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from tools.embedded import CHECKOUT, EmbeddedError, EmbeddedServer, folder_of_checkout

DATABASE = "wallet"


class RunError(Exception):
    """One line that says why it cannot go on, and what to do."""


class Stopped(Exception):
    """Ctrl-C, or a SIGTERM."""


def say(text: str) -> None:
    print(text, flush=True)


def check_port() -> None:
    """Find out about a taken port before anything is started."""
    from service.__main__ import CannotStart, bind
    from service.config import ConfigError, Settings

    deadline = time.monotonic() + 2  # The service of a run that was killed is still ending.
    while True:
        try:
            environ = {"WALLET_DATABASE_URL": "postgresql:///", **os.environ}
            return bind(Settings.from_environ(environ)).close()
        except (CannotStart, ConfigError) as error:
            if isinstance(error, ConfigError) or time.monotonic() > deadline:
                raise RunError(str(error)) from None
            time.sleep(0.1)


def lock(folder: Path) -> int:
    """Keep a second `make run` off this data folder for as long as this process lives."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with suppress(ValueError, ProcessLookupError):
            os.kill(int(os.pread(descriptor, 20, 0)), 0)
            raise RunError(f"another make run uses {folder}; stop it first") from None
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # That one was killed, and what it began is ending.
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getppid()).encode(), 0)
    return descriptor


def create_database(server: EmbeddedServer) -> None:
    """Make the database if it is not there yet."""
    psql = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c"]
    environ = {**os.environ, **server.environ("postgres", "postgres")}
    query = f"SELECT count(*) FROM pg_database WHERE datname = '{DATABASE}'"
    if subprocess.check_output([*psql, query], env=environ, text=True).strip() == "0":
        subprocess.run([*psql, f"CREATE DATABASE {DATABASE}"], env=environ, check=True)


def sqitch(server: EmbeddedServer, command: str) -> tuple[int, str]:
    """Run Sqitch on the database, and return its exit code and what it said."""
    done = subprocess.run(
        ["sqitch", command],
        cwd=CHECKOUT,
        env={**os.environ, **server.environ("postgres", DATABASE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def deploy(server: EmbeddedServer) -> str:
    """Deploy what is not deployed yet, and say how much that was."""
    # Sqitch by itself does not notice that the script of a deployed change was edited.
    if "diverge" in sqitch(server, "check")[1]:
        raise RunError(f"other scripts made the schema in {server.folder}; run: make reset")
    code, said = sqitch(server, "deploy")
    if code:
        raise RunError(f"sqitch deploy failed:\n{said.rstrip()}")
    changes = sum(line.lstrip().startswith("+ ") for line in said.splitlines())
    return f"{changes} changes deployed" if changes else "up to date"


def reset() -> None:
    """`make reset`: remove the data folder, unless something uses it."""
    server = EmbeddedServer(folder_of_checkout())
    lock(server.folder)
    server.remove()
    say(f"{server.folder} removed")


def wait_until_ready(service: subprocess.Popen[bytes], url: str) -> None:
    """Return once the service answers."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if service.poll() is not None:
            raise RunError("")  # It has said why.
        with suppress(OSError), urllib.request.urlopen(f"{url}/health/ready", timeout=5):
            return
        time.sleep(0.05)
    raise RunError("the service did not become ready in 30 seconds")


def stop(service: subprocess.Popen[bytes]) -> None:
    """Let the requests in flight end, then end it."""
    if service.poll() is None:
        service.terminate()
        service.wait()


def wait(service: subprocess.Popen[bytes], server: EmbeddedServer | None) -> int:
    """The service's exit code, once it ends. Raises RunError if the server ends first."""
    while server:
        with suppress(subprocess.TimeoutExpired):
            return service.wait(1)
        if not server.accepts():
            raise RunError(
                f"PostgreSQL has ended, and what it said is in {server.log}; run: make run"
            )
    return service.wait()


def in_a_child(work: Callable[[], int]) -> int:
    """Do the work in a child process, which stops everything even if this process is killed."""
    lifeline, held = os.pipe()
    child = os.fork()
    if not child:
        os.close(held)
        os.setsid()  # Ctrl-C is for the parent, which passes it on.

        def stop_with_parent() -> None:
            os.read(lifeline, 1)  # It ends when the parent does.
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=stop_with_parent, daemon=True).start()
        return work()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(child, number))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run() -> int:
    from service.config import Settings

    host = os.environ.get("WALLET_HOST") or "127.0.0.1"
    port = os.environ.get("WALLET_PORT") or "8000"
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    environ = dict(os.environ)
    server: EmbeddedServer | None = None
    service: subprocess.Popen[bytes] | None = None

    folder = folder_of_checkout()
    if not environ.get("WALLET_DATABASE_URL"):
        lock(folder)
    check_port()
    try:
        if environ.get("WALLET_DATABASE_URL"):
            say("database   the one that WALLET_DATABASE_URL names")
        else:
            server = EmbeddedServer(folder)
            new = not server.data.exists()
            server.start()
            say(f"database   PostgreSQL {'made' if new else 'started'} in {folder}")
            create_database(server)
            say(f"schema     {deploy(server)}")
            environ["WALLET_DATABASE_URL"] = server.url("wallet_app", DATABASE)
        # In a session of its own, so that Ctrl-C reaches only this process, which stops the rest.
        service = subprocess.Popen(
            [sys.executable, "-m", "service"], cwd=CHECKOUT, env=environ, start_new_session=True
        )
        wait_until_ready(service, url)
        say(f"API        {url}")
        say(f"docs       {url}/docs")
        if not Settings.from_environ(environ).needs_keys:
            say("API keys   not needed (WALLET_AUTH=required changes that)")
        if server:
            say(f"psql       {server.url('wallet_app', DATABASE)} (make psql)")
        say("Ctrl-C stops it.")
        return wait(service, server)
    except Stopped:
        say("\nstopping")
        return 0
    finally:
        # A second Ctrl-C must not interrupt the stopping.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if service:
            stop(service)
        if server and server.accepts():
            server.stop()


def _stopped(number: int, frame: FrameType | None) -> None:
    raise Stopped


def main() -> None:
    signal.signal(signal.SIGINT, _stopped)
    signal.signal(signal.SIGTERM, _stopped)
    try:
        if sys.argv[1:] == ["reset"]:
            reset()
        else:
            sys.exit(in_a_child(run))
    except (RunError, EmbeddedError) as error:
        sys.exit(f"pgwallet: {error}" if str(error) else 1)
    except Stopped:
        sys.exit(0)


if __name__ == "__main__":
    main()
