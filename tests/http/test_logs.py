"""The log: a line a record, and with WALLET_LOG_FORMAT=json each line a JSON object."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.http.answers import check_form, problem
from tests.http.processes import open_wallet, running
from tests.http.wire import Connection
from tests.support.databases import Database
from tests.support.service import Service


def lines(service: Service) -> list[dict[str, Any]]:
    """Each line of the log, which must be a JSON object."""
    found = []
    for line in service.log.read_text().splitlines():
        record = json.loads(line)
        assert {"time", "level", "logger", "message"} <= record.keys(), record
        assert datetime.fromisoformat(record["time"]).utcoffset() is not None
        found.append(record)
    return found


def make_trouble(service: Service) -> None:
    """Requests that succeed, are refused, cannot be read, and fail."""
    client = service.client
    client.event_hooks = {"response": [check_form]}
    open_wallet(client)
    problem(client.post("/account", content=b"\xff"), "unsupported_media_type")
    problem(client.get('/account/0?a=%0a&b="{}'), "account_not_found")
    problem(client.get("/nowhere"), "not_found")
    for request in (
        b"nonsense\r\n\r\n",
        b"GET nowhere HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
    ):
        with Connection(service.port) as connection:
            connection.send(request)
            problem(connection.answer(), "invalid_request")
    with service.database.connect() as admin:
        admin.execute("ALTER FUNCTION wallet.get_transfer_result(bigint) RENAME TO gone")
        problem(client.get("/transaction/1"), "internal_error")
        admin.execute("ALTER FUNCTION wallet.gone(bigint) RENAME TO get_transfer_result")
        admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'wallet_app'"
        )
    assert client.get("/account/1").status_code in (200, 503)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("access_log", ["false", "true"])
def test_every_line_is_json_from_start_to_stop(
    database: Database, workers: str, access_log: str
) -> None:
    with running(
        database, WALLET_LOG_FORMAT="json", WALLET_WORKERS=workers, WALLET_ACCESS_LOG=access_log
    ) as service:
        make_trouble(service)
        service.stop()
        records = lines(service)
    errors = [record for record in records if record["level"] == "error"]
    assert len(errors) == 1, errors
    assert "42883" in errors[0]["message"]
    assert "Traceback" in errors[0]["exception"]


def test_the_access_log_has_each_request_with_its_id(database: Database) -> None:
    with running(database, WALLET_LOG_FORMAT="json", WALLET_ACCESS_LOG="true") as service:
        service.client.get("/health/live", headers={"X-Request-ID": "the-first"})
        service.client.get("/account/9", headers={"X-Request-ID": "the-second"})
        service.stop()
        records = {r["request_id"]: r for r in lines(service) if r["message"] == "request"}
    first, second = records["the-first"], records["the-second"]
    assert (first["method"], first["path"], first["status"]) == ("GET", "/health/live", 200)
    assert (second["method"], second["path"], second["status"]) == ("GET", "/account/9", 404)
    assert second["seconds"] > 0


def test_without_an_access_log_a_request_leaves_no_line(database: Database) -> None:
    with running(database) as service:
        before = service.log.read_text()
        open_wallet(service.client)
        problem(service.client.get("/account/0"), "account_not_found")
        service.stop()
        assert service.log.read_text() == before


def test_a_text_log_has_each_request_on_a_line(database: Database) -> None:
    with running(database, WALLET_ACCESS_LOG="true") as service:
        service.client.get("/account/9", headers={"X-Request-ID": "the-one"})
        service.stop()
        found = [line for line in service.log.read_text().splitlines() if "the-one" in line]
    assert len(found) == 1
    assert "method=GET path=/account/9 status=404" in found[0]
