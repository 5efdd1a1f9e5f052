"""Bodies are JSON, read strictly: money exactly as it is written, and nothing passed over."""

from __future__ import annotations

import gzip
import json

from httpx import Client, Response

from tests.http.answers import fields, problem
from tests.http.conftest import Owner, Wallet
from tests.http.processes import balance
from tests.support.calls import ledger
from tests.support.service import JSON

ADA = b'{"email": "a@b"}'


def post(client: Client, path: str, body: str | bytes) -> Response:
    """Post this text as JSON, valid or not."""
    return client.post(path, content=body, headers=JSON)


def details(response: Response) -> list[tuple[str, str]]:
    """What is wrong with each member that an invalid_request names."""
    errors = problem(response, "invalid_request")["errors"]
    return [(error["field"], error["detail"]) for error in errors]


def test_an_amount_is_read_exactly_as_it_is_written(client: Client, wallet: Wallet) -> None:
    for written, moved in (
        (json.dumps(0.1 + 0.2), "0.30"),
        ('"0.30000000000000004"', "0.30"),
        ("0.005", "0.01"),
        ('"0.005"', "0.01"),
        # As a binary float each of these is a bit less.
        ("1.005", "1.01"),
        ("1.115", "1.12"),
        ('"2.675"', "2.68"),
        ("1e2", "100.00"),
        ("12345E-2", "123.45"),
        ("999999.99", "999999.99"),
        # A float would be 999999.995.
        ("999999.99499999999999999999999", "999999.99"),
        ('"00000000000000000001"', "1.00"),
        ('"1.' + "0" * 20 + '"', "1.00"),
        ("0.001e3", "1.00"),
        # A number has at most 100 characters.
        ("0." + "1" * 98, "0.11"),
    ):
        id = wallet()
        response = post(client, f"/account/{id}/payment", f'{{"amount": {written}}}')
        assert (response.status_code, response.json().get("amount")) == (201, moved), written[:50]
        assert balance(client, id) == moved


def test_an_amount_that_is_none_is_refused(client: Client, wallet: Wallet, owner: Owner) -> None:
    id, before = wallet("1.00"), ledger(owner)
    for amount in (
        *("0", "-0.0", "0e400", '"0"', '"0.004"', "-0.005", '"-1"', "4e-3"),
        # As a binary float this is 0.005.
        "0.0049999999999999999999999999e0",
        *("999999.995", "1e6", "1e400", "-1e400", "1e-400", "1e19", "1e20", "1e" + "9" * 5000),
        *("1e999999999999999999", "0e999999999999999999", "1e-99999999999999999999"),
        *("NaN", "Infinity", "-Infinity", '"NaN"', '"sNaN"', '"Infinity"', '"-Infinity"', '"inf"'),
        *('"1e2"', '""', '" "', '" 1"', '"1 "', '"1\\n"', '"1 000"', '"1_000"', '"1,5"'),
        *('"+1"', '"--1"', '"1."', '".5"', '"1.2.3"', '"0x10"', '"$1"', '"1\\u00a0"'),
        *('"\\u0661"', '"１"', '"½"', '"\\u22121"', '"1\\u0000"', '"1\\udc00"', '"😀"'),
        *("0." + "1" * 99, "1" * 5000, f'"{"1" * 5000}"', f'"{"1" * 21}"', f'"0.{"1" * 21}"'),
        f'"{"0" * 20}1"',
    ):
        response = post(client, f"/account/{id}/payment", f'{{"amount": {amount}}}'.encode())
        assert problem(response, "invalid_amount")["hint"], amount[:50]
    assert ledger(owner) == before


def test_a_number_that_is_too_long_is_refused_as_the_item_of_a_batch(
    client: Client, wallet: Wallet
) -> None:
    # PostgreSQL parses no number of so many decimals.
    ids = f'"source_account_id": {wallet("1.00")}, "target_account_id": {wallet()}'
    item = f'{{{ids}, "amount": %s}}'
    items = f"{item % '9'}, {item % ('1.' + '1' * 16384)}"
    response = post(client, "/transaction/batch", f'{{"transfers": [{items}], "atomic": false}}')
    codes = [result["code"] for result in response.json()["results"]]
    assert codes == ["insufficient_funds", "invalid_amount"]


def test_an_answer_lists_at_most_a_hundred_errors(client: Client) -> None:
    members = ", ".join(f'"{number}": 1' for number in range(200))
    assert len(details(post(client, "/account", f"{{{members}}}"))) == 100
    query = "&".join(f"{number}=1&{number}=2" for number in range(200))
    assert len(details(client.get(f"/account?{query}"))) == 100


def test_an_email_that_no_text_can_hold_is_refused(client: Client) -> None:
    for email in ("\\u0000", "a\\u0000@b", "\\ud800@b", "\\udc00\\ud800@b"):
        response = post(client, "/account", f'{{"email": "{email}"}}')
        assert problem(response, "invalid_email")["hint"]


def test_an_id_in_a_body_is_a_whole_number_however_it_is_written(
    client: Client, wallet: Wallet
) -> None:
    source, target = wallet("10.00"), wallet()
    for spelling in ("{}", "{}.0", "{}E+0", "{}0e-1"):
        ids = (spelling.format(id) for id in (source, target))
        body = '{{"source_account_id": {}, "target_account_id": {}, "amount": 1}}'.format(*ids)
        moved = post(client, "/transaction", body).json()
        assert (moved["source_account_id"], moved["target_account_id"]) == (source, target)


def test_a_member_of_the_wrong_type_is_named(client: Client, wallet: Wallet) -> None:
    id, others = wallet("1.00"), ("true", "null", "[1]", "{}")
    ids = (
        *("0", "-1", "-0", str(2**63), "1" * 5000, "1.5", "1e19", "1e-1", "1e400", "NaN"),
        *("1e99999999999999999999", "1." + "0" * 5000 + "1", "9223372036854775807.5"),
        *('"1"', '""', "Infinity", *others),
    )
    moved = {"source_account_id": f"{id}", "target_account_id": f"{id}", "amount": "1"}
    for path, members, member, values in (
        ("/account", {}, "email", ("1", "NaN", '["a@b"]', *others)),
        ("/transaction", moved, "amount", ("false", '{"a": 1}', *others)),
        ("/transaction", moved, "source_account_id", ids),
        ("/transaction", moved, "target_account_id", ids),
    ):
        for value in values:
            text = ", ".join(f'"{n}": {v}' for n, v in {**members, member: value}.items())
            assert fields(post(client, path, f"{{{text}}}")) == [member], (member, value[:50])


def test_every_member_that_is_wrong_is_named(client: Client, wallet: Wallet) -> None:
    response = client.post("/transaction", json={"x": 1, "source_account_id": "1", "amount": True})
    names = "source_account_id, target_account_id, amount, reference, metadata"
    assert details(response) == [
        ("x", f"unknown member; allowed: {names}"),
        ("source_account_id", f"must be a whole number from 1 to {2**63 - 1}"),
        ("target_account_id", "missing member"),
        ("amount", "must be a string or a number"),
    ]
    # The first in the contract's order is the answer: what is wrong with the members.
    response = client.post(f"/account/{wallet()}/payment", json={"amount": "NaN", "x": 1})
    assert details(response) == [("x", "unknown member; allowed: amount, reference, metadata")]
    assert fields(client.post("/account", json={"Email": "a@b", "email": "a@b"})) == ["Email"]
    for name in ("", "\\ud800", "\\u0000", "a" * 5000, "😀", '\\"', "__proto__"):
        body = f'{{"email": "a@b", "{name}": 1}}'.encode()
        assert len(fields(post(client, "/account", body))) == 1


def test_a_member_that_is_there_twice_is_named(client: Client) -> None:
    for body, member in (
        ('{"email": "a@b", "email": "a@b"}', "email"),
        ('{"email": "a@b", "\\u0065mail": "c@d"}', "email"),
        ('{"email": [[{"y": {"x": 1, "x": 2}}]]}', "x"),
        ('[{"x": 1, "x": 1}]', "x"),
    ):
        assert details(post(client, "/account", body)) == [(member, "duplicate member")]


def test_a_body_that_is_no_json_object_is_refused(client: Client) -> None:
    for body in (
        *(b"", b" ", b"{", b"}", b'{"email": "a@b"', b'{"email": "a@b",}', ADA + b" {}"),
        *(b"{'email': 'a@b'}", b'{email: "a@b"}', b'{"email": "a\n@b"}', b'{"email": "\\x"}'),
        *(b'{"email": "\\u12"}', b'{"email": 01}', b'{"email": .5}', b'{"email": +1}'),
        *(b'{"email": 0x1}', b"/**/" + ADA, b"email=a%40b", b"\xef\xbb\xbf" + ADA),
        *(b'{"email": "\xff@b"}', b'{"email": "\xed\xa0\x80@b"}', b"\xff\xfe", b"\x00"),
        *(ADA.decode().encode(charset) for charset in ("utf-16", "utf-16-be", "utf-32-le")),
        *(b"null", b"true", b"1", b"NaN", b'"a@b"', b"[]", b"[" + ADA + b"]"),
    ):
        assert fields(post(client, "/account", body)) == [""], body


def test_a_deep_body_is_refused(client: Client) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        for depth in (1000, 8100 // len(opening + closing)):
            nested = opening * depth + "1" + closing * depth
            for body in (nested, opening * depth, f'{{"email": {nested}}}'):
                assert fields(post(client, "/account", body)) in (["email"], [""]), body[:20]


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(client: Client) -> None:
    full = ADA + b" " * (8192 - len(ADA))
    assert post(client, "/account", full).status_code == 201
    problem(post(client, "/account", full + b" "), "body_too_large")


def test_only_json_in_utf_8_is_read(client: Client) -> None:
    json_ = "application/json"

    def opened(name: str | None, content: str) -> Response:
        headers = {} if name is None else {b"Content-Type": name.encode("latin-1")}
        return client.post("/account", content=content.encode(), headers=headers)

    for name in (
        *(json_, "APPLICATION/JSON", f"{json_};charset=utf-8", f"{json_}; charset=UTF-8"),
        *(f'{json_}; charset="utf-8"', f"{json_} ; Charset=Utf-8", f"{json_}; version=1"),
    ):
        assert opened(name, '{"email": "ż@b"}').json()["email"] == "ż@b", name
    for other in (
        *(None, "", "text/plain", "application/x-www-form-urlencoded", "application", "json"),
        *("application/problem+json", "application/jsonp", "*/*", f"{json_}, text/plain"),
        *(f"{json_}; charset=latin-1", f"{json_}; charset=", f"{json_}; charset", "\xff"),
        f"{json_}; charset=utf-8; charset=utf-16",
    ):
        for content in ('{"email": "ż@b"}', ""):
            problem(opened(other, content), "unsupported_media_type")


def test_an_encoded_body_is_not_read(client: Client) -> None:
    for encoding in ("gzip", "br", "identity, gzip", "x"):
        headers = {**JSON, "Content-Encoding": encoding}
        response = client.post("/account", content=gzip.compress(ADA), headers=headers)
        problem(response, "unsupported_media_type")
    headers = {**JSON, "Content-Encoding": "Identity"}
    assert client.post("/account", content=ADA, headers=headers).status_code == 201
