"""The pages for people, in a real browser: the console does what it says, and all can use them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.http.processes import running, transfer
from tests.support import databases
from tests.support.calls import answer
from tests.support.databases import Database
from tests.support.service import Service
from tests.support.threads import background, wait_until_blocked

ALL = {"resultTypes": ["violations"]}
# What is wide depends on the width alone, and a contrast on the colours.
WAYS: list[tuple[int, Literal["light", "dark"], dict[str, Any]]] = [
    (390, "dark", ALL),
    (1280, "light", ALL | {"runOnly": ["color-contrast"]}),
]
# GET, POST and PUT, with and without a body.
SHOWN = ("/account", "/account/{id}", "/account/{id}/email", "/account/{id}/freeze")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")


@pytest.fixture(scope="module")
def own(template: Database) -> Iterator[Service]:
    database = databases.create(template.server, template.name)
    with running(database) as service:
        yield service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, own: Service) -> Iterator[Page]:
    """A page on which nothing may go wrong unseen."""
    wrong: list[str] = []
    page = browser.new_page(base_url=own.url)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(request.url))
    yield page
    page.close()
    assert not wrong


def wallet(service: Service, email: str, balance: str) -> int:
    id: int = service.client.post("/account", json={"email": email}).json()["id"]
    service.client.post(f"/account/{id}/payment", json={"amount": balance})
    return id


def facts(page: Page) -> dict[str, str]:
    names, values = page.locator("dt").all_inner_texts(), page.locator("dd").all_inner_texts()
    return dict(zip(names, values, strict=True))


def confirm(page: Page, label: str, *repeated: str) -> None:
    """Press a button, read what its dialog repeats, and go on by keyboard alone."""
    page.get_by_role("button", name=label, exact=True).press("Enter")
    dialog = page.get_by_role("dialog")
    for text in repeated:
        expect(dialog).to_contain_text(text)
    expect(dialog.get_by_role("button", name="Do nothing")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def test_an_operator_finds_an_account_and_freezes_it(page: Page, own: Service) -> None:
    id = wallet(own, "ada@example.com", "1234.50")
    page.goto("/console")
    page.get_by_label("Account number, email or reference").fill("ADA@example.com")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=f"account {id}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Account {id}")
    expect(page.locator(".balance")).to_have_text("1\u202f234.50")

    page.get_by_role("button", name="Freeze").click()
    page.keyboard.press("Escape")
    assert own.client.get(f"/account/{id}").json()["frozen"] is False, "it asked, and got no yes"
    for label, state in (("Freeze", "frozen"), ("Unfreeze", "active")):
        confirm(page, label, "ada@example.com", "1\u202f234.50")
        expect(page.get_by_role("status")).to_have_text(f"Account {id} is {state} now.")
        assert facts(page)["State"] == state
        assert own.client.get(f"/account/{id}").json()["frozen"] is (state == "frozen")


def test_an_operator_reverses_a_transfer_once(page: Page, own: Service) -> None:
    source, target = wallet(own, "eve@example.com", "100"), wallet(own, "bob@example.com", "1")
    id = transfer(own.client, source, target, "30.00").json()["id"]
    page.goto(f"/console#/account/{source}")
    page.get_by_role("link", name=f"transaction {id}").click()
    repeated = ("30.00", f"account {source} (eve@example.com)", f"account {target} (bob@exam")
    confirm(page, "Reverse", *repeated)
    expect(page.get_by_role("status")).to_contain_text("Reversed by transaction")
    expect(page.get_by_role("button", name="Reverse")).to_have_count(0)
    page.get_by_role("link", name=facts(page)["Reversed by"]).click()
    expect(page.locator("dd").filter(has_text="reversal")).to_be_visible()
    assert facts(page)["Reverses"] == f"transaction {id}"
    assert own.client.get(f"/account/{source}").json()["balance"] == "100.00"


def test_an_operator_sees_the_queue_and_cancels_what_waits(page: Page, own: Service) -> None:
    source, target = wallet(own, "q@example.com", "100"), wallet(own, "r@example.com", "1")
    with own.database.connect() as admin:
        # Nothing is processed as long as this lasts.
        with admin.transaction():
            admin.execute("SELECT FROM wallet.queue_lock FOR UPDATE")
            body = {"source_account_id": source, "target_account_id": target, "amount": "7.00"}
            asked = own.client.post(
                "/transaction", json=body, headers={"Prefer": "respond-async"}
            ).json()
            page.goto("/console#/queue")
            link = page.get_by_role("link", name=f"transaction {asked['id']}")
            link.wait_for()
            assert facts(page)["Pending"] == "1"
            link.click()
            confirm(page, "Cancel", "7.00", "q@example.com", "r@example.com")
            expect(page.get_by_role("status")).to_contain_text("is cancelled")
        assert facts(page)["State"] == "failed"
        assert "cancelled" in facts(page)["Failure"]


def test_an_operator_sees_who_waits_and_what_the_audit_finds(page: Page, own: Service) -> None:
    id = wallet(own, "w@example.com", "100")
    page.goto("/console#/audit")
    page.get_by_role("button", name="Run the audit").click()
    expect(page.get_by_text("Sound")).to_be_visible()
    with (
        own.database.connect() as holding,
        own.database.connect() as admin,
        own.database.connect("wallet_app") as waiting,
    ):
        holding.execute(f"BEGIN; SELECT wallet.deposit({id}, 1)")
        with background(answer, waiting, "deposit", id, 1):
            wait_until_blocked(admin, waiting, holding)
            page.goto("/console#/waits")
            row = page.locator("tbody tr")
            expect(row).to_contain_text(f"account {id}")
            expect(row).to_contain_text(str(holding.info.backend_pid))
            holding.rollback()


def test_every_page_can_be_used_by_all(browser: Browser, own: Service) -> None:
    """axe-core finds nothing, in any size and colours, under the pages' own strict policy."""
    id = wallet(own, "ada@example.com", "100")
    made = own.client.post(f"/account/{id}/withdrawal", json={"amount": "1.00"}).json()["id"]
    page = browser.new_page(base_url=own.url)
    # Operations of a method look alike, and refusals do: to look at each takes half a minute.
    document = own.client.get("/openapi.json").json()
    document["paths"] = {path: document["paths"][path] for path in SHOWN}
    for operation in (one for methods in document["paths"].values() for one in methods.values()):
        operation["responses"] = dict([*operation["responses"].items()][:2])
    page.route("**/openapi.json", lambda route: route.fulfill(json=document))
    for path, heading in {
        "/guide": "pgwallet",
        "/docs#/Accounts/create_account": "pgwallet",
        "/console": "Find an account",
        "/console#/find/ada@example.com": "Found by email: ada@example.com",
        f"/console#/account/{id}": f"Account {id}",
        f"/console#/transaction/{made}": f"Transaction {made}",
        "/console#/queue": "Queue",
        "/console#/waits": "Who waits for whom",
        "/console#/audit": "Audit",
        "/console#/account/999999": "That did not work",
    }.items():
        page.goto(path)
        expect(page.locator("h1").first).to_have_text(heading)
        if path.startswith("/docs"):
            # To find a role in all of the page takes seconds.
            call = page.locator(".opblock.is-open")
            call.get_by_role("button", name="Execute").click()
            expect(call.get_by_role("button", name="Copy")).to_have_count(2)
        for width, scheme, rules in WAYS:
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page, options=rules)
            assert not found.response["violations"], (path, width, found.generate_report())
            wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not wide, f"{path} is wider than the screen of {width}"
    page.close()
