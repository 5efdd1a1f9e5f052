"""The door: whom it answers, how long it waits for a request, and how much it takes in at once."""

from __future__ import annotations

import json
import logging
import re
import resource
import select
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial

import pytest
from httpx import Client, HTTPError

from service.config import Settings
from service.logs import logging_config
from service.openapi import DOCUMENT
from tests.http.answers import problem
from tests.http.conftest import Wallet
from tests.http.processes import open_wallet, own_service, queue_stopped, transfer, wait_until
from tests.http.wire import LIVE, Connection, json_post
from tests.support.databases import Database
from tests.support.service import JSON, Service

BATCH = json_post("/transaction/batch")
SHOP = "https://shop.example"
EMPTY = b'{"transfers": [], "atomic": false}'
TWO_MEGABYTES = EMPTY + b" " * (2 * 1024 * 1024 - len(EMPTY))


@pytest.fixture(scope="module")
def small(template: Database) -> Iterator[Service]:
    """A service with little time and little room: at most 150 open files, thus 70 connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (150, hard))
        try:
            service = stack.enter_context(
                own_service(
                    template,
                    WALLET_REQUEST_TIMEOUT="2",
                    WALLET_MAX_BODY_MEMORY="4",
                    WALLET_HOSTS="127.0.0.1,localhost,API.example",
                    WALLET_ORIGINS=f"http://localhost:3000,{SHOP}",
                )
            )
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        yield service


def test_a_page_of_another_site_gets_nothing_done(client: Client, wallet: Wallet) -> None:
    paid = client.post(f"/account/{wallet()}/payment", json={"amount": "1"}).json()["id"]
    own = str(client.base_url).rstrip("/")
    for origin in ("https://evil.example", "null", "", f"{own}.evil.example", f"{own},{own}", SHOP):
        for method, path in (("POST", f"/transaction/{paid}/reversal"), ("GET", "/docs")):
            headers = {**JSON, "Origin": origin}
            problem(client.request(method, path, headers=headers), "forbidden_origin")
    twice = [("Origin", own), ("Origin", own)]
    problem(client.get("/health/live", headers=twice), "forbidden_origin")
    done = client.post(f"/transaction/{paid}/reversal", headers={**JSON, "Origin": own})
    assert done.status_code == 201
    # A proxy may have ended TLS.
    by_tls = {"Origin": own.replace("http:", "https:")}
    assert client.get("/health/live", headers=by_tls).status_code == 200


def test_no_post_is_done_that_a_form_could_send(client: Client) -> None:
    types = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain")
    posts = [
        path.replace("{id}", "1") for path, item in DOCUMENT["paths"].items() if "post" in item
    ]
    assert len(posts) >= 6
    for path in posts:
        for headers in (*({"Content-Type": media_type} for media_type in types), {}):
            for body in (b"", b"{}"):
                refused = client.post(path, content=body, headers=headers)
                problem(refused, "unsupported_media_type")


def test_only_names_of_its_own_are_answered(client: Client, small: Service) -> None:
    for asked, known, unknown in (
        (
            client,
            ("localhost:8000", "LOCALHOST", "127.0.0.1:1", "[::1]"),
            ("api.example", "0.0.0.0"),
        ),
        (
            small.client,
            ("api.example", "Api.Example:443"),
            ("shop.example", "api.example.", "[::1]"),
        ),
    ):
        for host in known:
            assert asked.get("/health/live", headers={"Host": host}).status_code == 200, host
        for host in unknown:
            problem(asked.get("/health/live", headers={"Host": host}), "unknown_host")
    names = {"localhost", "127.0.0.1", "[::1]"}
    for bound, hosts in (("127.0.0.2", {*names, "127.0.0.2"}), ("::1", names), ("0.0.0.0", None)):
        assert Settings(database_url="postgresql:///", host=bound).known_hosts == hosts


def test_a_page_that_is_allowed_may_ask_first_and_read_the_answer(small: Service) -> None:
    for origin in (SHOP, "http://localhost:3000"):
        asked = small.client.options(
            "/account", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
        )
        assert (asked.status_code, asked.content) == (204, b"")
        assert asked.headers["Access-Control-Allow-Origin"] == origin
        assert "POST" in asked.headers["Access-Control-Allow-Methods"].split(", ")
        assert "Content-Type" in asked.headers["Access-Control-Allow-Headers"].split(", ")
        for path in ("/health/live", "/account/1", "/docs"):
            answer = small.client.get(path, headers={"Origin": origin})
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert answer.headers["Access-Control-Expose-Headers"] == "*"
            assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in small.client.get("/health/live").headers
    for origin in ("https://shop.example.evil", "http://shop.example"):
        asked = small.client.options("/account", headers={"Origin": origin})
        problem(asked, "forbidden_origin")
        assert "Access-Control-Allow-Origin" not in asked.headers


def test_a_request_that_drips_and_a_client_that_does_not_read_are_ended_in_time(
    small: Service,
) -> None:
    length, chunked = b"Content-Length: 1000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"
    started = (
        *(b"G", LIVE[:-2] + b"X: ", json_post("/account") + length + b"{"),
        *(json_post("/account") + chunked + b"3e8\r\n{", json_post("/account") + chunked),
        *(BATCH + length + b"{", BATCH + chunked + b"3e8\r\n{", b"GET /docs HTTP/1.1\r\n"),
        json_post("/account") + b"Connection: upgrade\r\nUpgrade: websocket\r\n" + length + b"{",
        LIVE + LIVE[:20],
    )
    with ExitStack() as stack:
        deaf, half, *connections = (
            stack.enter_context(Connection(small.port)) for _ in range(2 + len(started))
        )
        # Answers of many megabytes, so that not all of them go into buffers.
        deaf.send(LIVE.replace(b"/health/live", b"/openapi.json") * 500)
        # Half a body that nobody waits for.
        half.send(json_post("/nowhere") + length + b"{")
        for connection, data in zip(connections, started, strict=True):
            connection.send(data)
        assert connections[-1].answer(path="/health/live").status_code == 200
        dripping, ended = set(connections), set[Connection]()
        for _ in range(100):
            for connection in dripping - ended:
                connection.send(b" ")
            ended |= set(select.select(dripping - ended, [], [], 0.2)[0])
            if ended == dripping:
                break
        for connection, data in zip(connections, started, strict=True):
            problem(connection.answer(), "request_timeout")
            assert connection.is_closed(), data
        problem(half.answer("POST"), "not_found")
        assert half.is_closed()
        wait_until(lambda: not deaf.send(b"G"), "the connection is reset")


def test_batches_that_do_not_end_hold_so_much_and_all_else_goes_on(small: Service) -> None:
    head = BATCH + b"Content-Length: %d\r\n\r\n" % len(TWO_MEGABYTES)
    with ExitStack() as stack:
        uploads = [stack.enter_context(Connection(small.port)) for _ in range(3)]
        for upload in uploads:
            upload.send(head + TWO_MEGABYTES[:-1000])
        closed, _, _ = select.select(uploads, [], [], 20)
        refused = closed[0].answer("POST", "/transaction/batch")
        problem(refused, "busy")
        assert "Retry-After" in refused.headers
        open_wallet(small.client)
        for upload in uploads:
            upload.close()
        for _ in range(3):  # What was held is let go, by idle connections too.
            client = stack.enter_context(Client(base_url=small.url))
            wait_until(partial(takes_a_batch, client), "a batch is taken")


def takes_a_batch(client: Client) -> bool:
    with suppress(HTTPError):  # The connection is closed on who still sends.
        batch = client.post("/transaction/batch", content=TWO_MEGABYTES, headers=JSON)
        return batch.status_code == 200
    return False


def is_served(service: Service) -> bool:
    """Whether a new client is."""
    with suppress(HTTPError), Client(base_url=service.url) as client:
        return client.get("/account/1").status_code in (200, 404)
    return False


def test_the_next_client_is_served_however_many_connections_are_open(small: Service) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(Connection(small.port)) for _ in range(30)]
        for connection in idle:
            connection.send(LIVE)
        for connection in idle:
            assert connection.answer(path="/health/live").status_code == 200
        time.sleep(1.1)  # Nobody is closed for others within a second, not even if idle.
        flood = [stack.enter_context(Connection(small.port)) for _ in range(200)]
        for connection in flood:
            connection.send(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(5):
            wait_until(partial(is_served, small), "a new client is served")
        assert idle[0].is_closed()
    log = small.log.read_text()
    assert len(re.findall("connections are open", log)) == 1, log
    assert "all 70 connections" in log


def test_idle_connections_make_room_before_those_whose_request_arrives(small: Service) -> None:
    with ExitStack() as stack:
        slow, *idle = (stack.enter_context(Connection(small.port)) for _ in range(69))
        slow.send(b"GET / HTTP/1.1\r\nX: ")
        for connection in idle:
            connection.send(LIVE)
        assert all(one.answer(path="/health/live").is_success for one in idle)
        time.sleep(1.1)  # As above.

        def is_let_in() -> bool:
            new = stack.enter_context(Connection(small.port))
            new.send(LIVE)
            return new.answer(path="/health/live", hold_to=lambda _: None).status_code == 200

        for _ in range(3):  # Beyond the 70.
            wait_until(is_let_in, "an idle one has made room")
        # It would be told that it is busy.
        problem(slow.answer(), "request_timeout")


def test_a_client_beyond_those_that_are_being_answered_is_told_so(small: Service) -> None:
    source, target = open_wallet(small.client), open_wallet(small.client)
    with ExitStack() as stack, queue_stopped(small.database):
        told = small.log.read_text().count("connections are open")
        path = transfer(small.client, source, target, Prefer="respond-async").headers["Location"]
        waits = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nPrefer: wait=20\r\n\r\n".encode()
        for _ in range(75):
            last = stack.enter_context(Connection(small.port))
            last.send(waits)
        problem(last.answer("GET", path), "busy")
        # Each time that it is so.
        assert small.log.read_text().count("connections are open") == told + 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_record_stays_one_line_whatever_is_in_it(form: str) -> None:
    made = logging_config(form)["formatters"][form]
    formatter = made["()"](made.get("format"))
    odd = "\udcff\n2026-01-01 00:00:00,000 ERROR wallet: forged\r\x1b[2J\x85\u2028"
    record = logging.makeLogRecord({"msg": f"{odd} %s", "args": (odd,), "levelname": "INFO"})
    record.request = {"method": odd, "path": "/" + odd * 1000, "status": 200}
    line = formatter.format(record)
    assert line.isprintable(), line
    assert len(line) < 4000
    line.encode()
    if form == "json":
        assert json.loads(line)["method"] == odd
