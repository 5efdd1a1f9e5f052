"""Bodies and ids that should not be: each answered as the contract says, and none with 500."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from tests.http.answers import fields, problem
from tests.http.conftest import Wallet
from tests.support.service import JSON

AMOUNTS_READ = {
    "0.30000000000000004": "0.30",
    '"0.3000000000000000"': "0.30",
    '"0.30000000000000004"': "0.30",
    "0.005": "0.01",
    '"0.005"': "0.01",
    "0.0049999999999999999999999999e0": None,
    "1.005": "1.01",
    "1.115": "1.12",
    "2.675": "2.68",
    "1e2": "100.00",
    "1E+2": "100.00",
    "12345e-2": "123.45",
    "1.0e-2": "0.01",
    "999999.99": "999999.99",
    "999999.994": "999999.99",
    "999999.99499999999999999999999": "999999.99",
    '"00000000000000000001"': "1.00",
    "0." + "1" * 5000: "0.11",
    "1." + "0" * 5000: "1.00",
    "0." + "0" * 5000 + "1e5001": "1.00",
}
"""What is written in the body, and the amount that is moved; None where it is refused."""

AMOUNTS_REFUSED = [
    *("0", "-0", "-0.0", "0e5", "0e400", '"0"', '"-0"', '"0.00"'),
    *("0.004", '"0.004"', "4e-3", "-0.005", "-1", '"-1"', "-999999.99"),
    *("999999.995", '"999999.995"', "1000000", "1e6", "1e400", "-1e400", "1e-400", "1e19", "1e20"),
    *("1e999999999999999999", "1e-999999999999999999", "0e999999999999999999"),
    *("1e99999999999999999999", "0e99999999999999999999", "1e-99999999999999999999"),
    "1e" + "9" * 5000,
    *("NaN", "Infinity", "-Infinity"),
    *('"NaN"', '"nan"', '"sNaN"', '"Infinity"', '"-Infinity"', '"inf"', '"1e2"', '"1E2"'),
    *('""', '" "', '" 1"', '"1 "', '"1\\n"', '"\\t1"', '"1 000"', '"1_000"', '"1,5"', '"1,000.00"'),
    *('"+1"', '"--1"', '"1."', '".5"', '"1.2.3"', '"0x10"', '"1f"', '"$1"', '"1\\u00a0"'),
    *('"\\u0661"', '"١"', '"１"', '"1.\\u0665"', '"½"', '"\\u22121"'),
    *('"\\u0000"', '"1\\u0000"', '"\\ud800"', '"1\\udc00"', '"😀"'),
    *("1" * 5000, "-" + "1" * 5000, '"' + "1" * 5000 + '"', '"0.' + "1" * 5000 + '"'),
    *('"' + "1" * 21 + '"', '"0.' + "1" * 21 + '"'),
]


@pytest.mark.parametrize("amount", AMOUNTS_READ, ids=lambda text: text[:30])
def test_an_amount_is_read_exactly_as_it_is_written(
    client: httpx.Client, wallet: Wallet, amount: str
) -> None:
    id = wallet()
    response = client.post(
        f"/account/{id}/payment", content=f'{{"amount": {amount}}}', headers=JSON
    )
    moved = AMOUNTS_READ[amount]
    if moved is None:
        problem(response, "invalid_amount")
    else:
        assert (response.status_code, response.json()["amount"]) == (201, moved)
    assert client.get(f"/account/{id}").json()["balance"] == (moved or "0.00")


def test_a_sum_of_floats_is_rounded_to_what_it_means(client: httpx.Client, wallet: Wallet) -> None:
    id = wallet()
    body = json.dumps({"amount": 0.1 + 0.2})
    assert "0.30000000000000004" in body
    response = client.post(f"/account/{id}/payment", content=body, headers=JSON)
    assert response.json()["amount"] == "0.30"


@pytest.mark.parametrize("amount", AMOUNTS_REFUSED, ids=lambda text: ascii(text[:30]))
def test_an_amount_that_is_none_is_refused(
    client: httpx.Client, wallet: Wallet, amount: str
) -> None:
    source, target = wallet("1.00"), wallet()
    body = f'{{"amount": {amount}}}'.encode()
    response = client.post(f"/account/{target}/payment", content=body, headers=JSON)
    assert problem(response, "invalid_amount")["hint"]
    body = (
        f'{{"source_account_id": {source}, "target_account_id": {target}, "amount": {amount}}}'
    ).encode()
    response = client.post("/transaction", content=body, headers=JSON)
    assert problem(response, "invalid_amount")["hint"]
    assert client.get(f"/account/{source}").json()["balance"] == "1.00"
    assert client.get(f"/account/{target}").json()["balance"] == "0.00"


@pytest.mark.parametrize("amount", ["true", "false", "null", "[]", "[1]", "{}", '{"a": 1}'])
def test_an_amount_of_the_wrong_type_is_named(
    client: httpx.Client, wallet: Wallet, amount: str
) -> None:
    body = f'{{"amount": {amount}}}'
    response = client.post(f"/account/{wallet()}/payment", content=body, headers=JSON)
    assert fields(response) == ["amount"]


@pytest.mark.parametrize("email", ["1", "1.5", "NaN", "true", "null", "[]", '["a@b"]', "{}"])
def test_an_email_of_the_wrong_type_is_named(client: httpx.Client, email: str) -> None:
    response = client.post("/account", content=f'{{"email": {email}}}', headers=JSON)
    assert fields(response) == ["email"]


@pytest.mark.parametrize(
    "email", ["\\u0000", "a\\u0000@b", "a@b\\u0000", "\\ud800@b", "a@\\udfff", "\\udc00\\ud800@b"]
)
def test_an_email_that_no_text_can_hold_is_refused(client: httpx.Client, email: str) -> None:
    response = client.post("/account", content=f'{{"email": "{email}"}}', headers=JSON)
    assert problem(response, "invalid_email")["hint"]


def test_an_email_of_a_megabyte_is_too_large(client: httpx.Client) -> None:
    response = client.post("/account", json={"email": "a" * 1_000_000 + "@b"})
    problem(response, "body_too_large")


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(client: httpx.Client) -> None:
    body = b'{"email": "a@b"}'
    full = body + b" " * (8192 - len(body))
    assert client.post("/account", content=full, headers=JSON).status_code == 201
    problem(client.post("/account", content=full + b" ", headers=JSON), "body_too_large")


@pytest.mark.parametrize(
    "id",
    [
        *("0", "-1", "-0", str(2**63), str(2**64 + 1), "1" * 5000, "1.5"),
        *("1e19", "1e-1", "1e400", "1e99999999999999999999", "1." + "0" * 5000 + "1", "0.9999"),
        *("9223372036854775807.5", "9223372036854775808.0", "-Infinity"),
        *('"1"', "true", "false", "null", "[1]", "{}", "NaN", "Infinity", '""', '"١"'),
    ],
    ids=lambda text: text[:30],
)
@pytest.mark.parametrize("member", ["source_account_id", "target_account_id"])
def test_an_id_in_a_body_that_is_none_is_named(
    client: httpx.Client, wallet: Wallet, member: str, id: str
) -> None:
    known = str(wallet("1.00"))
    ids = {"source_account_id": known, "target_account_id": known, member: id}
    body = "{" + ", ".join(f'"{name}": {value}' for name, value in ids.items())
    response = client.post("/transaction", content=body + ', "amount": "1"}', headers=JSON)
    assert fields(response) == [member]


@pytest.mark.parametrize("spelling", ["{}", "{}.0", "{}e0", "{}E+0", "{}0e-1", "{}.000e-0"])
def test_an_id_in_a_body_is_a_whole_number_however_it_is_written(
    client: httpx.Client, wallet: Wallet, spelling: str
) -> None:
    source, target = wallet("1.00"), wallet()
    body = (
        f'{{"source_account_id": {spelling.format(source)},'
        f' "target_account_id": {spelling.format(target)}, "amount": 1}}'
    )
    response = client.post("/transaction", content=body, headers=JSON)
    assert response.status_code == 201
    assert response.json()["source_account_id"] == source
    assert response.json()["target_account_id"] == target


def test_the_largest_id_in_a_body_is_one(client: httpx.Client) -> None:
    for spelling in (f"{2**63 - 1}", f"{2**63 - 1}.0"):
        body = f'{{"source_account_id": {spelling}, "target_account_id": 1, "amount": 1}}'
        response = client.post("/transaction", content=body, headers=JSON)
        assert str(2**63 - 1) in problem(response, "account_not_found")["detail"]


@pytest.mark.parametrize(
    "id",
    [
        *("0", "-1", "-0", str(2**63), str(2**64 + 1), "9" * 5000, "1e3", "01", "+1", "1.0", "1,0"),
        *("%201", "1%20", "%D9%A1", "%EF%BC%91", "1%00", "%00", "%ff", "%zz", "0x1", "1_0", "null"),
        *("1%0A", "NaN", "undefined", "'1'", "1;", "1'--", "%2e%2e", "*", "{id}"),
    ],
    ids=lambda text: text[:30],
)
def test_an_id_in_a_path_that_is_none_names_nothing(client: httpx.Client, id: str) -> None:
    def url(path: str) -> httpx.URL:
        return client.base_url.copy_with(raw_path=path.encode())

    problem(client.get(url(f"/account/{id}")), "account_not_found")
    problem(client.get(url(f"/transaction/{id}")), "transaction_not_found")
    payment = client.post(url(f"/account/{id}/payment"), json={"amount": "1"})
    problem(payment, "account_not_found")


def test_the_largest_id_is_one(client: httpx.Client) -> None:
    detail = problem(client.get(f"/account/{2**63 - 1}"), "account_not_found")["detail"]
    assert str(2**63 - 1) in detail, "PostgreSQL was not asked"


def test_every_member_that_is_wrong_is_named(client: httpx.Client) -> None:
    response = client.post("/transaction", json={"source_account_id": "1", "x": 1, "amount": True})
    assert sorted(fields(response)) == ["amount", "source_account_id", "target_account_id", "x"]
    assert fields(client.post("/account", json={})) == ["email"]
    assert fields(client.post("/account", json={"email": "a@b", "balance": "1"})) == ["balance"]
    assert fields(client.post("/account", json={"Email": "a@b", "email": "a@b"})) == ["Email"]


def test_an_unknown_member_is_named_even_beside_a_refusal(
    client: httpx.Client, wallet: Wallet
) -> None:
    response = client.post(f"/account/{wallet()}/payment", json={"amount": "NaN", "x": 1})
    assert fields(response) == ["x"]


@pytest.mark.parametrize("name", ["", "\\ud800", "\\u0000", "a" * 5000, "😀", '\\"', "__proto__"])
def test_an_unknown_member_with_any_name_is_named(client: httpx.Client, name: str) -> None:
    body = f'{{"email": "a@b", "{name}": 1}}'.encode()
    assert len(fields(client.post("/account", content=body, headers=JSON))) == 1


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ('{"email": "a@b", "email": "a@b"}', "email"),
        ('{"email": "a@b", "\\u0065mail": "c@d"}', "email"),
        ('{"email": {"x": 1, "x": 1}}', "x"),
        ('{"email": [[{"y": {"x": 1, "x": 2}}]]}', "x"),
        ('[{"x": 1, "x": 1}]', "x"),
    ],
)
def test_a_member_that_is_there_twice_is_named(
    client: httpx.Client, body: str, member: str
) -> None:
    assert fields(client.post("/account", content=body, headers=JSON)) == [member]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"}",
        b'{"email": "a@b"',
        b'{"email": "a@b",}',
        b'{"email": "a@b"} {}',
        b"{'email': 'a@b'}",
        b'{email: "a@b"}',
        b'{"email": "a\n@b"}',
        b'{"email": "\\x"}',
        b'{"email": "\\u12"}',
        b'{"email": 01}',
        b'{"email": .5}',
        b'{"email": +1}',
        b'{"email": 0x1}',
        b'/**/{"email": "a@b"}',
        b"email=a%40b",
        b"\xef\xbb\xbf" + b'{"email": "a@b"}',
        b'{"email": "\xff@b"}',
        b'{"email": "\xc0\x80@b"}',
        b'{"email": "\xed\xa0\x80@b"}',
        b"\xff\xfe",
        '{"email": "a@b"}'.encode("utf-16"),
        '{"email": "a@b"}'.encode("utf-16-be"),
        '{"email": "a@b"}'.encode("utf-32-le"),
        '{"email": "ä@b"}'.encode("latin-1"),
        b"\x00",
    ],
)
def test_a_body_that_is_no_json_is_refused(client: httpx.Client, body: bytes) -> None:
    assert fields(client.post("/account", content=body, headers=JSON)) == [""]


@pytest.mark.parametrize("body", ["null", "true", "1", "NaN", '"a@b"', "[]", '[{"email": "a@b"}]'])
def test_a_body_that_is_no_object_is_refused(client: httpx.Client, body: str) -> None:
    assert fields(client.post("/account", content=body, headers=JSON)) == [""]


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_a_deep_body_is_refused(client: httpx.Client, opening: str, closing: str) -> None:
    for depth in (1600, 4000, 100_000):
        for body in (opening * depth + "1" + closing * depth, opening * depth):
            response = client.post("/account", content=body, headers=JSON)
            code = "body_too_large" if len(body) > 8192 else "invalid_request"
            problem(response, code)
    depth = 1000
    nested = opening * depth + "1" + closing * depth
    response = client.post("/account", content=f'{{"email": {nested}}}', headers=JSON)
    assert fields(response) in (["email"], [""])


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/problem+json",
        "application/jsonp",
        "application/json-patch+json",
        "application",
        "json",
        "*/*",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json; charset=",
        "application/json; charset",
        "application/json; charset=utf-8; charset=utf-16",
        "\xff",
    ],
)
def test_a_body_of_another_media_type_is_not_read(
    client: httpx.Client, content_type: str | None
) -> None:
    headers = {} if content_type is None else {b"Content-Type": content_type.encode("latin-1")}
    for body in (b'{"email": "a@b"}', b"\xff", b""):
        response = client.post("/account", content=body, headers=headers)
        problem(response, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/json ; Charset=Utf-8",
        "application/json; version=1",
        "application/json;",
    ],
)
def test_json_in_utf_8_may_be_called_so_in_any_way(client: httpx.Client, content_type: str) -> None:
    body = '{"email": "ż@b"}'.encode()
    response = client.post("/account", content=body, headers={"Content-Type": content_type})
    assert (response.status_code, response.json()["email"]) == (201, "ż@b")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "x"])
def test_an_encoded_body_is_not_read(client: httpx.Client, encoding: str) -> None:
    body = gzip.compress(b'{"email": "a@b"}')
    headers = {**JSON, "Content-Encoding": encoding}
    response = client.post("/account", content=body, headers=headers)
    problem(response, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["identity", "Identity"])
def test_a_body_may_say_that_it_is_not_encoded(client: httpx.Client, encoding: str) -> None:
    headers = {**JSON, "Content-Encoding": encoding}
    response = client.post("/account", content=b'{"email": "a@b"}', headers=headers)
    assert response.status_code == 201


def test_what_is_wrong_with_a_path_comes_before_what_is_wrong_with_the_body(
    client: httpx.Client,
) -> None:
    problem(client.post("/account/0/payment", content=b"\xff"), "account_not_found")
