"""The container for other people's tests, and a project of somebody else's that uses it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.support.servers import chosen
from tools.embedded import CHECKOUT

from pgwallet import Problem, Violation
from pgwallet.testing import WalletContainer

# The first test waits for the images to be built.
pytestmark = [
    pytest.mark.skipif(chosen() != "testcontainers", reason="run it with: make test-containers"),
    pytest.mark.timeout(1200),
]


def run(*command: str | Path, folder: Path = CHECKOUT) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def container() -> Iterator[WalletContainer]:
    run("make", "images")
    with WalletContainer() as container:
        yield container


def test_a_reset_empties_the_ledger(container: WalletContainer) -> None:
    for _ in range(3):
        container.reset()
        with container.client() as wallet:
            ada, bob = (wallet.create_account("ada@example.com").id for _ in range(2))
            assert (ada, bob) == (1, 2)
            paid = wallet.deposit(1, 5, idempotency_key="the same each time")
            assert paid.id == 1
            wallet.reverse(wallet.transfer(1, 2, 1).id)
            # What is still queued is gone as well.
            for amount in (1, 100):
                wallet.transfer(1, 2, amount, queue_after=0)
            with pytest.raises(Problem):
                wallet.wait(wallet.transfer(1, 2, 100, queue_after=0).id)


def test_roles_reach_the_database_and_the_audit_sees_what_they_do(
    container: WalletContainer,
) -> None:
    container.reset()
    with psycopg.connect(container.dsn("wallet_app")) as app:
        app.execute("SELECT wallet.create_account('ada@example.com')")
    assert container.audit() == []
    with psycopg.connect(container.dsn("postgres")) as admin:
        admin.execute("UPDATE wallet.account SET balance = 1")
    assert {type(violation) for violation in container.audit()} == {Violation}
    assert {violation.account_id for violation in container.audit()} <= {1, None}


def test_an_image_that_is_not_there_is_named_with_what_to_do() -> None:
    container = WalletContainer("pgwallet-nowhere")
    with pytest.raises(LookupError, match="no image pgwallet-nowhere; `make images`"):
        container.start()
    container.stop()


def test_the_shop_s_and_the_readme_s_tests_pass_elsewhere_and_their_types_are_checked(
    container: WalletContainer, tmp_path: Path
) -> None:
    shop, python = tmp_path / "shop", tmp_path / "venv/bin/python"
    shutil.copytree(CHECKOUT / "examples/shop", shop)
    readme = (CHECKOUT / "client/README.md").read_text()
    (shop / "test_readme.py").write_text(readme.partition("```python\n")[2].partition("```")[0])
    uv = Path(sys.executable).parent / "uv"
    run(uv, "venv", "--python", sys.executable, tmp_path / "venv")
    packages = (f"{CHECKOUT / 'client'}[testing]", "pytest", "mypy", "basedpyright==1.40.2")
    constraints = CHECKOUT / "requirements/dev.txt"
    run(uv, "pip", "install", "--python", python, "--constraints", constraints, *packages)
    assert "5 passed" in run(python, "-m", "pytest", folder=shop)
    (shop / "test_readme.py").unlink()
    run(python, "-m", "mypy", "--strict", ".", folder=shop)
    pyright = ("env", f"PATH={python.parent}:{os.environ['PATH']}", "basedpyright")
    run(*pyright, "--level", "error", ".", folder=shop)
    run(*pyright, "--verifytypes", "pgwallet", "--ignoreexternal", folder=shop)
