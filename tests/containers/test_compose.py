"""`make up` on a clean checkout: what its containers do, and what they may not do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow

from tests.containers.stack import Stack
from tests.support.databases import assert_sound

# The first test waits for the images to be built.
pytestmark = pytest.mark.timeout(1200)


def post(stack: Stack, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = stack.client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    created = answer.json()
    assert isinstance(created, dict)
    return created


def open_account(stack: Stack, amount: str | None = None) -> int:
    """Open an account, pay `amount` in, and return its id."""
    id = int(post(stack, "/account", {"email": "ada@example.com"})["id"])
    if amount is not None:
        post(stack, f"/account/{id}/payment", {"amount": amount})
    return id


def balance(stack: Stack, id: int) -> str:
    return str(stack.client.get(f"/account/{id}").raise_for_status().json()["balance"])


def test_the_migration_ends_well_before_the_service_starts(stack: Stack) -> None:
    db, migrate, service = (stack.inspect(name)["State"] for name in ("db", "migrate", "service"))
    assert (migrate["Status"], migrate["ExitCode"]) == ("exited", 0)
    assert db["Health"]["Status"] == service["Health"]["Status"] == "healthy"
    times = [db["StartedAt"], migrate["StartedAt"], migrate["FinishedAt"], service["StartedAt"]]
    # Docker drops a fraction's last zeros, so the Z would count in the comparison.
    times = [time.rstrip("Z") for time in times]
    assert times == sorted(times)


def test_money_moves_over_http(stack: Stack) -> None:
    source, target = open_account(stack, "20.00"), open_account(stack)
    transfer = post(
        stack,
        "/transaction",
        {"source_account_id": source, "target_account_id": target, "amount": "7.705"},
    )
    assert transfer["amount"] == "7.71"
    assert (balance(stack, source), balance(stack, target)) == ("12.29", "7.71")


def test_a_dba_moves_money_in_psql(stack: Stack) -> None:
    source, target = open_account(stack, "20.00"), open_account(stack)
    amount = stack.psql(
        f"SELECT t.amount FROM wallet.transfer(source_account_id => {source}, "
        f"target_account_id => {target}, amount => 5.50) AS t"
    )
    assert amount.strip() == "5.50"
    assert (balance(stack, source), balance(stack, target)) == ("14.50", "5.50")


def test_what_is_queued_is_processed(stack: Stack) -> None:
    source, target = open_account(stack, "20.00"), open_account(stack)
    queued = stack.client.post(
        "/transaction",
        json={"source_account_id": source, "target_account_id": target, "amount": "1.00"},
        headers={"Prefer": "respond-async"},
    )
    assert (queued.status_code, queued.json()["state"]) == (202, "pending")
    done = stack.client.get(queued.headers["Location"], headers={"Prefer": "wait=25"})
    assert done.json()["state"] == "succeeded"
    assert (balance(stack, source), balance(stack, target)) == ("19.00", "1.00")


def test_psql_shows_a_refusal_with_its_sqlstate_detail_and_hint(stack: Stack) -> None:
    source, target = open_account(stack, "20.00"), open_account(stack)
    printed = stack.run(
        *("docker", "compose", "exec", "-T", "db", "psql", "-X", "-v", "VERBOSITY=verbose"),
        *("-c", f"SELECT wallet.transfer({source}, {target}, 20.01)"),
        fails=True,
    )
    lines = printed.splitlines()
    assert lines[0].startswith("ERROR:  WL006: ")
    assert lines[1].startswith("DETAIL:  ")
    assert lines[2].startswith("HINT:  ")
    assert (balance(stack, source), balance(stack, target)) == ("20.00", "0.00")


def test_the_service_has_no_privileges_and_a_read_only_file_system(stack: Stack) -> None:
    for name in ("service", "migrate"):
        container = stack.inspect(name)
        assert container["Config"]["User"].split(":")[0] not in ("", "0", "root"), name
        assert container["HostConfig"]["ReadonlyRootfs"], name
        assert container["HostConfig"]["CapDrop"] == ["ALL"], name
        assert container["HostConfig"]["SecurityOpt"] == ["no-new-privileges:true"], name
    execute = ("docker", "compose", "exec", "-T")
    assert int(stack.run(*execute, "service", "id", "-u")) > 0
    # As root, so that no file's owner but the file system itself says no.
    touch = stack.run(*execute, "--user=0", "service", "touch", "/app/new", fails=True)
    assert "Read-only file system" in touch


def test_only_the_service_can_be_reached_and_only_from_this_machine(stack: Stack) -> None:
    published = {
        name: [
            (port, binding["HostIp"])
            for port, bindings in stack.inspect(name)["NetworkSettings"]["Ports"].items()
            for binding in bindings or []
        ]
        for name in ("db", "migrate", "service")
    }
    assert published == {"db": [], "migrate": [], "service": [("8000/tcp", "127.0.0.1")]}


def test_a_restart_of_the_database_under_traffic_loses_nothing(
    stack: Stack, admin: psycopg.Connection[DictRow]
) -> None:
    accounts = open_account(stack, "100.00"), open_account(stack, "100.00")
    started = stack.inspect("service")["State"]["StartedAt"]
    stop = Event()

    def send() -> httpx.Response:
        source, target = accounts
        return stack.client.post(
            "/transaction",
            json={"source_account_id": source, "target_account_id": target, "amount": "0.01"},
        )

    def send_until_stopped() -> list[httpx.Response]:
        answers = [send()]
        # The wait keeps the traffic light; so many are over only after minutes.
        while len(answers) < 10_000 and not stop.wait(0.01):
            answers.append(send())
        return answers

    with ThreadPoolExecutor(1) as pool:
        traffic = pool.submit(send_until_stopped)
        try:
            for _ in range(2):
                stack.compose("restart", "db")
                # Returns when `db` is healthy again.
                stack.up()
        finally:
            stop.set()
        answers = traffic.result()

    done = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    log = stack.compose("logs", "--no-color", "--no-log-prefix", "service")
    for answer in answers:
        if answer.status_code != 201:
            assert answer.status_code == 503, f"{answer.text}\n{log}"
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["code"] in ("database_unavailable", "busy")
            assert int(answer.headers["Retry-After"]) > 0
    assert send().status_code == 201
    assert stack.inspect("service")["State"]["StartedAt"] == started, "the service was restarted"
    in_database = {int(id) for id in stack.psql("SELECT id FROM wallet.transaction").split()}
    assert done
    assert done <= in_database

    # The whole ledger, copied to where the tests' own checks can look at it.
    for table in ("wallet.account", "wallet.transaction"):
        with admin.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            copy.write(stack.psql(f"COPY {table} TO STDOUT"))
    assert_sound(admin)


def test_a_second_up_deploys_nothing_and_keeps_the_data(stack: Stack) -> None:
    id = open_account(stack, "20.00")
    before = stack.psql("SELECT event, change, committed_at FROM sqitch.events ORDER BY 3")
    stack.up()
    assert stack.psql("SELECT event, change, committed_at FROM sqitch.events ORDER BY 3") == before
    assert "Nothing to deploy" in stack.compose("logs", "--no-color", "migrate")
    assert balance(stack, id) == "20.00"


def test_the_data_survive_down_and_up(stack: Stack) -> None:
    id = open_account(stack, "20.00")
    stack.compose("down")
    stack.up()
    assert balance(stack, id) == "20.00"


def test_the_service_ends_by_itself_when_told_to_stop(stack: Stack) -> None:
    stack.compose("stop", "service")
    # 137 would say that it was killed when its time was up.
    assert stack.inspect("service")["State"]["ExitCode"] == 0
    stack.up()
