"""`make psql`, `make key` and `make audit`: psql on the database that `make run` uses.

WALLET_DATABASE_URL names it, if that is set. Else it is the embedded server, which is started for
as long as psql runs, unless `make run` has it running.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tools.embedded import EmbeddedError, EmbeddedServer, folder_of_checkout, path_with_programs
from tools.run import DATABASE, RunError, create_database, deploy, lock

AUDIT = """
SELECT violation, account_id, transaction_id, detail FROM wallet.audit()
"""
# psql quotes its variables itself only in what it reads from a file or its input.
CREATE_KEY = """\\set ON_ERROR_STOP on
SELECT wallet.create_api_key(
    :'name', string_to_array(:'scopes', ','), nullif(:'expires_in', '')::interval);
"""


@contextmanager
def psql(role: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The command that starts psql as `role`, and its environment."""
    url = os.environ.get("WALLET_DATABASE_URL")
    if url:
        yield ["psql", url], {**os.environ, "PATH": path_with_programs()}
        return
    server = EmbeddedServer(folder_of_checkout())
    environ = {**os.environ, **server.environ(role, DATABASE)}
    if server.data.exists() and server.is_running():
        yield ["psql"], environ
        return
    lock(server.folder)
    server.start()
    try:
        create_database(server)
        deploy(server)
        yield ["psql"], environ
    finally:
        server.stop()


def audit() -> int:
    """Print what the audit finds as a table. 1 if it finds anything."""
    with psql("wallet_reader") as (command, environ):
        done = subprocess.run(
            [*command, "-X", "-P", "pager=off", "-v", "ON_ERROR_STOP=1", "-c", AUDIT],
            env={**environ, "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    print(done.stdout, end="")
    if done.returncode:
        return done.returncode
    sound = done.stdout.rstrip().endswith("(0 rows)")
    print("The ledger is sound." if sound else "The ledger is damaged: see above.")
    return 0 if sound else 1


def key(name: str, scopes: str, expires_in: str) -> int:
    """Make an API key, and print it."""
    with psql("postgres") as (command, environ):
        variables = (f"name={name}", f"scopes={scopes}", f"expires_in={expires_in}")
        return subprocess.run(
            [*command, "-XAtq", *(part for text in variables for part in ("-v", text))],
            env=environ,
            input=CREATE_KEY,
            text=True,
            check=False,
        ).returncode


def interactive(role: str) -> int:
    """Hand the terminal to psql."""
    with psql(role) as (command, environ):
        # Ctrl-C cancels psql's query; it must not end this process before psql ends.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return subprocess.run(
            command,
            env=environ,
            check=False,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ).returncode


def main() -> None:
    try:
        match sys.argv[1:]:
            case ["audit"]:
                sys.exit(audit())
            case ["key", name, scopes, expires_in]:
                sys.exit(key(name, scopes, expires_in))
            case words:
                sys.exit(interactive(words[0] if words else "wallet_reader"))
    except (RunError, EmbeddedError) as error:
        sys.exit(f"pgwallet: {error}")


if __name__ == "__main__":
    main()
