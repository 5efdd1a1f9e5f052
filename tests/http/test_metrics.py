"""/metrics: each process counts, whichever is asked answers for all, and nobody is named."""

from __future__ import annotations

import os
import re
import signal

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.http.answers import check_form, problem
from tests.http.processes import jobs, open_wallet, queue_stopped, running, transfer, wait_until
from tests.http.test_shutdown import have_answered
from tests.support.databases import Database
from tests.support.service import Service
from tools.embedded import CHECKOUT


def scrape(service: Service) -> dict[tuple[str, str], float]:
    """Values by name and labels, from whichever worker answers."""
    text = httpx.get(f"{service.url}/metrics", timeout=20, verify=False).text
    assert "ada" not in text
    return {
        (sample.name, " ".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_whichever_worker_is_asked_answers_for_all_and_for_those_that_died(
    database: Database,
) -> None:
    with running(database, WALLET_WORKERS="2", WALLET_LOG_FORMAT="json") as service:
        client, pid = service.client, service.process.pid
        client.event_hooks = {"response": [check_form]}
        wait_until(lambda: have_answered(service) >= 2, "both workers have started", 60)
        source, target = open_wallet(client), open_wallet(client)
        for _ in range(10):  # Each on a connection of its own: both workers get some.
            body = {"source_account_id": source, "target_account_id": target, "amount": "1"}
            assert httpx.post(f"{service.url}/transaction", json=body, verify=False).is_success
        problem(transfer(client, source, target, "100"), "insufficient_funds")
        problem(client.get("/no/ada"), "not_found")
        assert client.get("/audit").status_code == 200
        os.kill(min(jobs(pid, "worker")), signal.SIGKILL)
        wait_until(lambda: len(jobs(pid, "worker")) == 2, "another takes its place")
        database.execute(
            "CREATE OR REPLACE FUNCTION wallet.get_account(id bigint) RETURNS wallet.account"
            " LANGUAGE plpgsql AS $$ BEGIN RAISE 'x' USING ERRCODE = '08006'; END $$"
        )
        with queue_stopped(database):
            with httpx.Client(base_url=service.url) as other:
                queued = transfer(other, source, target, Prefer="respond-async")
                assert queued.status_code == 202
                problem(other.get("/account/1"), "database_unavailable")
            for _ in range(4):
                found = scrape(service)
                count = "pgwallet_request_seconds_count"
                assert found[count, "POST /transaction 201"] == 10
                assert found[count, "POST /transaction 409"] == 1
                assert found[count, "none none 404"] == 1
                assert found["pgwallet_group_size_sum", ""] == 13
                assert found["pgwallet_problems_total", "insufficient_funds"] == 1
                assert found["pgwallet_unknown_outcomes_total", ""] == 1
                assert found["pgwallet_queue_pending", ""] == 1
                assert found["pgwallet_queue_oldest_seconds", ""] > 0
                assert found["pgwallet_processes_replaced_total", "worker"] == 1
                assert found["pgwallet_audit_violations", ""] == 0
                assert found["pgwallet_audit_timestamp_seconds", ""] > 0
                assert found["pgwallet_build_info", "0.5.0"] == 1
        known = {name for name, _ in scrape(service)}
    for path in (CHECKOUT / "docs/monitoring").iterdir():
        named = set(re.findall(r"\bpgwallet_\w+", path.read_text()))
        assert named, path
        assert named <= known, path
