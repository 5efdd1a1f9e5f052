"""`make run`: from nothing to a wallet, back to nothing, and the wallet is still there."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from service import __version__
from tests.http.processes import children, is_gone
from tests.support.databases import Database
from tests.support.service import free_port
from tools.embedded import CHECKOUT

PROGRAM = """
from tools import embedded, run
print("folder", embedded.folder_of_checkout(), flush=True)
run.main()
"""
RESET = (sys.executable, "-m", "tools.run", "reset")


class Run:
    """A checkout of its own, and `make run` in it."""

    def __init__(self, checkout: Path, **variables: str) -> None:
        self.port = free_port()
        environ = {name: value for name, value in os.environ.items() if "WALLET_" not in name}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=checkout,
            env={**environ, "WALLET_PORT": str(self.port), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def until(self, word: str) -> list[str]:
        """What it says, up to the line that begins with `word`."""
        lines = []
        assert self.process.stdout
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith(word):
                return lines
        raise AssertionError(f"it ended: {lines} {self.end()}")

    def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """Its exit code and what it said on standard error, once all of its processes are gone."""
        everyone = {self.process.pid} | children(self.process.pid)
        if number:
            self.process.send_signal(number)
        try:
            _, errors = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            left = {pid for pid in everyone if not is_gone(pid)}
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            self.process.communicate()
            raise AssertionError(f"of its processes {everyone}, {left} did not end") from None
        return self.process.returncode, errors


Start = Callable[..., Run]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what `make run` needs, deployed by its first start; its data go away with it."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("service", "tools", "sql", "deploy", "revert", "verify"):
        shutil.copytree(CHECKOUT / name, folder / name, symlinks=True)
    for name in ("sqitch.plan", "sqitch.conf"):
        shutil.copy(CHECKOUT / name, folder / name)
    yield folder
    data = subprocess.check_output(
        [sys.executable, "-c", "from tools.embedded import *; print(folder_of_checkout())"],
        cwd=folder,
        text=True,
    ).strip()
    shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def start(checkout: Path) -> Iterator[Start]:
    """Starts `make run` with some variables; what a test leaves running is stopped after it."""
    runs = []

    def start(**variables: str) -> Run:
        runs.append(Run(checkout, **variables))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)


def test_what_was_made_is_there_after_ctrl_c_and_another_start(
    start: Start, checkout: Path
) -> None:
    subprocess.run(RESET, cwd=checkout, check=True)  # Whichever test came before.
    first = start(PGPORT="1")  # Many who work with PostgreSQL have one set.
    said = "".join(first.until("Ctrl-C"))
    url = f"http://127.0.0.1:{first.port}"
    folder = Path(said.splitlines()[0].removeprefix("folder "))
    for line in (
        *(f"database   PostgreSQL made in {folder}\n", "changes deployed\n"),
        f"pgwallet {__version__} on 127.0.0.1:{first.port}; database wallet at its socket, ",
        *(f"API        {url}\n", f"docs       {url}/docs\n", "psql       postgresql://"),
        "API keys   not needed",
    ):
        assert line in said
    with httpx.Client(base_url=url, timeout=60) as client:
        for _ in range(2):
            client.post("/account", json={"email": "ada@example.com"})
        client.post("/account/1/payment", json={"amount": "1.00"})
        move = {"source_account_id": 1, "target_account_id": 2, "amount": "1.00"}
        queued = client.post("/transaction", json=move, headers={"Prefer": "respond-async"})
        assert queued.status_code == 202
        made = client.get(queued.headers["Location"], headers={"Prefer": "wait=30"}).json()
        assert made["state"] == "succeeded"
    assert (folder / "data/postmaster.pid").exists()
    assert first.end(signal.SIGINT) == (0, "")
    assert not (folder / "data/postmaster.pid").exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)

    second = start()
    assert any("up to date" in line for line in second.until("Ctrl-C"))
    assert httpx.get(f"http://127.0.0.1:{second.port}{queued.headers['Location']}").json() == made
    assert second.end(signal.SIGTERM) == (0, "")


def test_a_run_that_is_killed_leaves_nothing_and_one_whose_server_dies_says_so(
    start: Start,
) -> None:
    first = start()
    folder = Path(first.until("Ctrl-C")[0].removeprefix("folder ").strip())
    first.end(signal.SIGKILL)
    second = start(WALLET_PORT=str(first.port))
    second.until("Ctrl-C")
    postmaster = int((folder / "data/postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    code, errors = second.end()
    assert code == 1
    assert errors.splitlines()[-1].startswith("pgwallet: PostgreSQL has ended")


def test_data_in_use_or_of_other_scripts_is_said_in_a_line_and_reset_removes_it(
    start: Start, checkout: Path
) -> None:
    first = start()
    folder = Path(first.until("Ctrl-C")[0].removeprefix("folder ").strip())
    in_use = f"pgwallet: another make run uses {folder}; stop it first\n"
    assert start().end() == (1, in_use)
    refused = subprocess.run(RESET, cwd=checkout, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr) == (1, in_use)
    assert httpx.get(f"http://127.0.0.1:{first.port}/health/ready").status_code == 200
    assert first.end(signal.SIGINT) == (0, "")

    with (checkout / "deploy/account.sql").open("a") as script:
        script.write("-- One more line.\n")
    assert start().end() == (
        1,
        f"pgwallet: other scripts made the schema in {folder}; run: make reset\n",
    )
    subprocess.run(RESET, cwd=checkout, check=True)
    assert not folder.exists()


def test_a_taken_port_is_said_before_anything_is_started(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = start(WALLET_PORT=str(taken.getsockname()[1]))
        code, errors = run.end()
    assert code == 1
    assert errors.startswith("pgwallet: cannot listen on 127.0.0.1:")
    assert errors.count("\n") == 1


def test_a_given_database_is_used_and_none_is_started(start: Start, database: Database) -> None:
    """By `make run` and by `make key`."""
    key = subprocess.check_output(
        (sys.executable, "-m", "tools.psql", "key", "o'shop", "read,write", "90 days"),
        cwd=CHECKOUT,
        env={**os.environ, "WALLET_DATABASE_URL": database.url()},
        text=True,
    ).strip()
    run = start(WALLET_DATABASE_URL=database.url("wallet_app"), WALLET_AUTH="required")
    said = run.until("Ctrl-C")
    assert not Path(said[0].split()[1], "data").exists()
    assert not [line for line in said if line.startswith("API keys")]
    for headers, status in (({}, 401), ({"Authorization": f"Bearer {key}"}, 201)):
        url = f"http://127.0.0.1:{run.port}/account"
        opened = httpx.post(url, json={"email": "ada@example.com"}, headers=headers)
        assert opened.status_code == status
    assert database.execute("SELECT count(*) AS accounts FROM wallet.account") == [{"accounts": 1}]
    assert run.end(signal.SIGINT) == (0, "")


def test_a_database_that_cannot_be_used_is_said_in_a_line(start: Start, database: Database) -> None:
    database.execute("DROP SCHEMA wallet CASCADE")
    nobody = f"postgresql://wallet_app@127.0.0.1:{free_port()}/wallet"
    for url, reason in ((nobody, "cannot reach"), (database.url(), "are not deployed")):
        code, errors = start(WALLET_DATABASE_URL=url).end()
        assert code == 1
        assert errors.startswith("pgwallet: ")
        assert reason in errors
        assert errors.count("\n") == 1
