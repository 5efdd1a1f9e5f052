"""The OpenAPI document is valid, is what the application is, and holds whatever is sent."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from service.openapi import DOCUMENT
from tests.http.answers import CODES, resolve
from tests.http.processes import running
from tests.sql.test_emails import REFUSED, TAKEN, UNSEEN
from tests.support.databases import Database, assert_sound
from tests.support.seeds import fresh_seed
from tools.embedded import CHECKOUT

HOOKS = "tests.http.accepted"
PHASES = ("Coverage", "Fuzzing", "Stateful")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_the_document_served_is_the_one_in_the_code(client: Client) -> None:
    response = client.get("/openapi.json")
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == DOCUMENT
    assert response.json()["openapi"].startswith("3.1.")


def within(element: Any) -> Iterator[dict[str, Any]]:
    """All objects of the document, however deep."""
    if isinstance(element, dict):
        yield element
    for part in element.values() if isinstance(element, dict) else element:
        if isinstance(part, dict | list):
            yield from within(part)


def test_the_document_is_valid_openapi_and_so_are_its_examples() -> None:
    # They take a second to import, which every run of any test would pay for.
    import jsonschema_rs
    import schemathesis

    schemathesis.openapi.from_dict(DOCUMENT).validate()
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for schema in within(DOCUMENT):
        if isinstance(examples := schema.get("examples"), list):
            for example in examples:
                Draft202012Validator(schema).validate(example)
    # The same call does find what is wrong with a document.
    broken = json.loads(json.dumps(DOCUMENT))
    del broken["paths"]["/account"]["post"]["responses"]["201"]["description"]
    with pytest.raises(jsonschema_rs.ValidationError):
        schemathesis.openapi.from_dict(broken).validate()


def test_every_code_is_documented_and_every_operation_has_a_name() -> None:
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT)):
        assert resolve({"$ref": reference})
    schema = DOCUMENT["components"]["schemas"]["Problem"]
    assert set(schema["properties"]["code"]["enum"]) == set(CODES)
    statuses = {status for _, _, operation in operations() for status in operation["responses"]}
    # The first two belong to no operation: no route, no method; the third comes before any route.
    assert {str(status) for status in CODES.values()} - {"404", "405", "431"} <= statuses
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] for _, _, operation in operations())


AMOUNTS = [
    *(
        "0.005",
        "0.004",
        "0.0049999999999999999",
        "0.00",
        "0",
        "00.5",
        "0.01",
        "1",
        "-1",
        "1.",
        ".5",
    ),
    *("999999.994", "999999.995", "0999999.99", "00000000000000999999", "000000000000000999999"),
    *("1000000", "1e2", "1\n", " 1", "1" * 21, "0." + "1" * 20, "0." + "1" * 21, "12.30"),
]
EMAILS = [*TAKEN, *(f"a{character}b@c" for character in UNSEEN), *filter(None, REFUSED)]


def test_the_documented_amounts_and_emails_are_those_that_are_taken(client: Client) -> None:
    id = client.post("/account", json={"email": "a@b"}).json()["id"]
    owed = {"minimum": "-999999.99", "maximum": "999999.99"}
    client.put(f"/account/{id}/limits", json=owed).raise_for_status()
    for shape, path, member, texts in (
        ("Payment", f"/account/{id}/withdrawal", "amount", AMOUNTS),
        ("CreateAccount", "/account", "email", [text for text in EMAILS if len(text) < 1000]),
    ):
        schema = DOCUMENT["components"]["schemas"][shape]["properties"][member]
        for text in texts:
            taken = client.post(path, json={member: text}).status_code == 201
            # "$" matches before a last line break in Python alone.
            documented = text[-1:] != "\n" and Draft202012Validator(schema).is_valid(text)
            assert documented == taken, ascii(text)
            if taken and member == "amount":
                client.post(f"/account/{id}/payment", json={member: text}).raise_for_status()


def test_schemathesis_finds_nothing(database: Database, tmp_path: Path) -> None:
    """All its checks, valid and invalid data. Coverage asks with the document's examples too."""
    seed = fresh_seed()
    (key,) = database.execute("SELECT wallet.create_api_key('k', '{read,write,operate}')")
    with running(database, WALLET_AUTH="required") as service:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json"),
                *("--checks", "all", "--mode", "all", "--phases", ",".join(PHASES).lower()),
                *("--header", f"Authorization: Bearer {key['create_api_key']}"),
                *("--max-examples", "5", "--seed", str(seed), "--generation-database", "none"),
                *("--generation-allow-x00", "true", "--continue-on-failure", "--no-color"),
                # Else it leaves out the address that it has the document from.
                *("--include-path-regex", "^/"),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{CHECKOUT}", "SCHEMATHESIS_HOOKS": HOOKS},
            capture_output=True,
            text=True,
            check=False,
        )
        log = service.log.read_text()
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(list(operations()))
    assert f"{count} selected / {count} total" in done.stdout, done.stdout
    for phase in PHASES:
        assert f"✅  {phase}" in done.stdout, done.stdout
    assert log == "", log
    with database.connect() as connection:
        assert_sound(connection)
