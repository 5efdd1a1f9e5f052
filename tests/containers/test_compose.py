"""`make up` on a clean checkout: what its containers do, and what they may not do."""

from __future__ import annotations

import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random
from threading import Event
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow

from tests.containers.stack import PASSWORDS, Stack
from tests.http.answers import check_problem, problem
from tests.http.test_door_fuzz import attack
from tests.http.wire import Connection
from tests.support.databases import assert_sound
from tests.support.seeds import fresh_seed

# The first test waits for the images to be built.
pytestmark = pytest.mark.timeout(1200)

SERVICES = ("db", "migrate", "service", "edge")


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


def test_who_has_no_key_is_not_let_in(stack: Stack) -> None:
    for headers in ({}, {"Authorization": f"Bearer pgw_{'0' * 64}_00000000"}):
        url = f"https://localhost:{stack.port}/account/1"
        answer = httpx.get(url, verify=stack.tls, headers=headers)
        problem(answer, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


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


def test_containers_have_limits_no_privileges_and_read_only_file_systems(stack: Stack) -> None:
    for name in SERVICES:
        container = stack.inspect(name)
        host = container["HostConfig"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert host["Memory"] > 0, name
        assert host["PidsLimit"] > 0, name
        assert host["LogConfig"] == {
            "Type": "json-file",
            "Config": {"max-size": "10m", "max-file": "5"},
        }
        if name != "db":
            assert container["Config"]["User"].split(":")[0] not in ("", "0", "root"), name
            assert host["ReadonlyRootfs"], name
            assert host["CapDrop"] == ["ALL"], name
    execute = ("docker", "compose", "exec", "-T")
    for name in ("service", "edge"):
        assert int(stack.run(*execute, name, "id", "-u")) > 0
        # As root, so that no file's owner but the file system itself says no.
        touch = stack.run(*execute, "--user=0", name, "touch", "/app/new", fails=True)
        assert "Read-only file system" in touch


def test_only_the_edge_can_be_reached_and_only_from_this_machine(stack: Stack) -> None:
    published = {
        name: [
            (port, binding["HostIp"])
            for port, bindings in stack.inspect(name)["NetworkSettings"]["Ports"].items()
            for binding in bindings or []
        ]
        for name in SERVICES
    }
    assert published.pop("edge") == [("8443/tcp", "127.0.0.1")]
    assert not any(published.values()), published


def test_compose_does_not_start_without_passwords(stack: Stack) -> None:
    for name in PASSWORDS:
        without = ("env", "-u", name, "docker", "compose", "config")
        assert f"{name} is missing a value: run `make up`" in stack.run(*without, fails=True)


def test_the_edge_refuses_in_the_form_of_the_service(stack: Stack) -> None:
    get, post = b"GET /health/live HTTP/1.1\r\n", b"POST /account HTTP/1.1\r\nHost: localhost\r\n"
    hosted = get + b"Host: localhost\r\n"
    for code, requests in {
        "unknown_host": [get + b"Host: other.example\r\n\r\n", get + b"Host: 10.0.0.1\r\n\r\n"],
        "body_too_large": [
            post + b"Content-Length: 8193\r\n\r\n",
            post + b"Transfer-Encoding: chunked\r\n\r\n2001\r\n%b\r\n" % (b" " * 0x2001),
            post.replace(b"account", b"transaction/batch") + b"Content-Length: 4194305\r\n\r\n",
        ],
        "headers_too_large": [get + b"X: " + b"a" * 9000 + b"\r\n\r\n"],
        "invalid_request": [
            get + b"\r\n",
            hosted + b"Host: localhost\r\n\r\n",
            hosted + b"X: a\0b\r\n\r\n",
            hosted + b"X: a\rb\r\n\r\n",
            hosted + b"X : a\r\n\r\n",
            b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            post + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            post + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            post + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
            post + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            post + "Content-Length: ٢\r\n\r\n{}".encode(),
            post + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
        ],
    }.items():
        for request in requests:
            with Connection(stack.port, stack.tls) as connection:
                connection.send(request)
                answer = connection.answer(hold_to=lambda _: None)
                problem(answer, code)
                check_problem(answer)
                assert answer.headers["Server"] == "nginx"
    plain = httpx.get(f"http://127.0.0.1:{stack.port}/health/live")
    assert problem(plain, "invalid_request")
    answer = stack.client.get("/health/live", headers={"X-Request-ID": "mine"})
    assert answer.headers["X-Request-ID"] == "mine"


def test_who_sends_too_slowly_or_too_much_is_cut_off(stack: Stack) -> None:
    head = b"POST /account HTTP/1.1\r\nHost: localhost\r\n"
    body = head + b"Content-Length: 8000\r\n\r\n"

    def drip(first: bytes, piece: bytes) -> bool:
        """Whether it ends, though each of the pieces comes soon after the last."""
        with Connection(stack.port, stack.tls) as connection:
            connection.send(first)
            return any(
                connection.is_closed(wait=1) or not connection.send(piece) for _ in range(40)
            )

    with ThreadPoolExecutor(2) as pool:
        drips = [pool.submit(drip, *what) for what in ((head, b"X: y\r\n"), (body, b" "))]
        with ExitStack() as opened, ThreadPoolExecutor(16) as clients:

            def take_part(_: int) -> None:
                opened.enter_context(Connection(stack.port, stack.tls)).send(body)

            # On a busy machine the first ones may be over before the last ones have begun.
            for _ in range(5):
                list(clients.map(take_part, range(160)))
                answer = stack.client.get("/health/live")
                if answer.status_code == 429:
                    break
            problem(answer, "rate_limited")
            check_problem(answer)
        assert all(drip.result() for drip in drips)
    stack.client.get("/health/ready").raise_for_status()


def test_nearly_http_harms_nobody(stack: Stack) -> None:
    seed = fresh_seed()

    def connect() -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", stack.port), timeout=30)
        return stack.tls.wrap_socket(plain, server_hostname="localhost")

    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(attack, connect, Random(seed + place)) for place in range(400)]:
            done.result()
    assert stack.client.get("/health/ready").status_code == 200
    # The most that nginx's three processes ever had; a hundred slow bodies came before.
    peaks = stack.compose("exec", "-T", "edge", "sh", "-c", "grep -h VmHWM /proc/[0-9]*/status")
    assert sum(map(int, re.findall(r"(\d+) kB", peaks))) < 150_000, peaks


def test_a_flood_of_requests_is_held_to_a_rate(stack: Stack) -> None:
    request = b"GET /health/live HTTP/1.1\r\nHost: other.example\r\n\r\n"

    def flood(_: int) -> int:
        """How many of a thousand requests at once are one too many."""
        with Connection(stack.port, stack.tls) as connection:
            connection.send(request * 1000)
            answers = [connection.answer(hold_to=lambda _: None) for _ in range(1000)]
            return sum(answer.status_code == 429 for answer in answers)

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(flood, range(16))) > 0


# Sends a request so many times on each of so many connections when it is told to begin, and prints
# how many of these are one too many.
FLOOD = """
import socket, ssl, sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
host, port, key, sent, connections, times = sys.argv[1:]
def ask(_):
    plain = socket.create_connection((host, int(port)))
    with ssl._create_unverified_context().wrap_socket(plain) as connection:
        connection.sendall(sent.replace("KEY", key).encode() * int(times))
        answers = b""
        with suppress(OSError):  # The edge gives up.
            while answers.count(b"HTTP/1.1 ") < int(times) and (read := connection.recv(65536)):
                answers += read
        return answers.count(b"HTTP/1.1 429 ")
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(int(connections)) as pool:
    print(sum(pool.map(ask, range(int(connections)))))
"""
ASK = "GET /health/live HTTP/1.1\r\nHost: other.example\r\nAuthorization: Bearer KEY\r\n\r\n"
# Its body does not end, so it is one of those at once until the edge gives it up.
BEGIN = (
    "POST /account HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer KEY\r\n"
    "Content-Length: 9\r\n\r\n{"
)


@pytest.mark.parametrize(
    ("sent", "connections", "times", "addresses"),
    # An address may ask 2 000 times at once, and so may a key: two addresses are too many.
    # An address may have 128 requests at once, a key 256: three addresses are too many.
    [(ASK, 10, 190, 2), (BEGIN, 100, 1, 3)],
    ids=["rate", "at once"],
)
def test_a_key_is_held_to_its_limits_wherever_its_requests_come_from(
    stack: Stack, sent: str, connections: int, times: int, addresses: int
) -> None:
    compose, python = ("docker", "compose"), ("python", "-c", FLOOD, "edge", "8443")
    places = [
        (sys.executable, "-c", FLOOD, "localhost", str(stack.port)),
        (*compose, "exec", "-T", "service", *python),
        (*compose, "run", "--rm", "-T", "--no-deps", "service", *python),
    ][:addresses]

    def refused(*keys: str) -> list[int]:
        time.sleep(2.5)  # What an address or a key has used comes back at 1 000 a second.
        with ExitStack() as opened:
            floods = [
                opened.enter_context(stack.start(*place, key, sent, str(connections), str(times)))
                for place, key in zip(places, keys, strict=False)
            ]
            ends = [(flood.stdin, flood.stdout) for flood in floods]
            assert {said and said.readline() for _, said in ends} == {"ready\n"}
            for begin, _ in ends:
                print(file=begin, flush=True)
            return [int(said.read()) for _, said in ends if said]

    assert refused("a", "b", "c") == [0] * addresses
    # On a slow machine the first may be over before the last has begun.
    assert any(sum(refused("d", "d", "d")) for _ in range(5))


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
    stack.psql("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    assert "API key" not in stack.up()
    log = stack.compose("logs", "--no-color", "db")
    assert 'ALTER USER "wallet_app" PASSWORD \'SCRAM-SHA-256$4096:' in log
    # What the log would have of the password, whichever way it is quoted.
    assert "%41" in PASSWORDS["WALLET_APP_PASSWORD"]
    assert "%41" not in log
    assert stack.psql("SELECT event, change, committed_at FROM sqitch.events ORDER BY 3") == before
    assert "Nothing to deploy" in stack.compose("logs", "--no-color", "migrate")
    assert balance(stack, id) == "20.00"


def test_the_service_ends_by_itself_and_the_data_survive_down_and_up(stack: Stack) -> None:
    id = open_account(stack, "20.00")
    stack.compose("stop", "service")
    # 137 would say that it was killed when its time was up.
    assert stack.inspect("service")["State"]["ExitCode"] == 0
    answer = stack.client.get("/health/live")
    assert "Nothing was done" in problem(answer, "service_unavailable")["detail"]
    check_problem(answer)
    stack.compose("down")
    stack.up()
    assert balance(stack, id) == "20.00"
