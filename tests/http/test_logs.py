"""The log: a line a record, and with WALLET_LOG_FORMAT=json each line a JSON object."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tests.http.answers import check_form, problem
from tests.http.processes import open_wallet, running, wait_until
from tests.http.wire import Connection
from tests.support.databases import Database
from tests.support.service import Service

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


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
    client.get(f"/account/{open_wallet(client)}", headers={"X-Request-ID": "the-first"})
    problem(client.post("/account", content=b"\xff"), "unsupported_media_type")
    traced = {"X-Request-ID": "the-second", "traceparent": TRACE}
    problem(client.get('/account/0?a=%0a&b="{}', headers=traced), "account_not_found")
    for request in (b"nonsense", b"GET nowhere HTTP/1.1", b"GET /\xff HTTP/1.1"):
        with Connection(service.port) as connection:
            connection.send(request + b"\r\n\r\n")
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


def test_every_line_is_json_from_start_to_stop(database: Database) -> None:
    settings = {"WALLET_LOG_FORMAT": "json", "WALLET_WORKERS": "2", "WALLET_ACCESS_LOG": "true"}
    with running(database, **settings) as service:
        make_trouble(service)
        service.stop()
        records = lines(service)
    (error,) = [record for record in records if record["level"] == "error"]
    assert "42883" in error["message"]
    assert error["request_id"]
    assert "Traceback" in error["exception"]
    requests = {r["request_id"]: r for r in records if r["message"] == "request"}
    first, second = requests["the-first"], requests["the-second"]
    assert (first["method"], first["path"], first["status"]) == ("GET", "/account/1", 200)
    assert (second["method"], second["path"], second["status"]) == ("GET", "/account/0", 404)
    assert first["seconds"] > 0
    assert (second["trace_id"], second["sqlstate"]) == (TRACE[3:35], "WL004")


def test_a_trouble_has_a_line_when_it_begins_and_one_when_it_ends(database: Database) -> None:
    with running(database, WALLET_LOG_FORMAT="json") as service, database.connect() as admin:
        client = service.client
        id = open_wallet(client)
        admin.execute("ALTER FUNCTION wallet.get_account(bigint) RENAME TO kept")
        admin.execute(
            "CREATE FUNCTION wallet.get_account(id bigint) RETURNS wallet.account LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE E'no\\nspace' USING ERRCODE = '53100'; END $$"
        )
        for _ in range(20):
            problem(client.get(f"/account/{id}"), "database_unavailable")
        admin.execute("DROP FUNCTION wallet.get_account(bigint)")
        admin.execute("ALTER FUNCTION wallet.kept(bigint) RENAME TO get_account")
        wait_until(
            lambda: client.get(f"/account/{id}").status_code == 200 and len(lines(service)) > 1,
            "its end is logged",
        )
        begin, end = [record["message"] for record in lines(service)]
    assert begin == "the database cannot serve: 53100: no space"
    assert end.startswith("the database serves again, after 20 failures in ")
