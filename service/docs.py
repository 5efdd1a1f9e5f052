"""The docs page: the OpenAPI document as HTML that loads nothing and runs no script."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

from service.codes import CODES, EVERYWHERE

Schema = dict[str, Any]

WAYS = (
    ("way", "ask with", "answer", "choose it when"),
    (
        "at once",
        "no `Prefer`",
        "201 or the refusal",
        "the caller needs the outcome, and few ask for the same account at a time; a wait of over "
        "`WALLET_LOCK_TIMEOUT` is a 503",
    ),
    (
        "queued if busy",
        "`Prefer: respond-async, wait=0.5`",
        "201 or the refusal; 202 if an account stays busy that long",
        "some accounts are hot: only what collides there is queued, all else goes on in parallel",
    ),
    (
        "queued",
        "`Prefer: respond-async`",
        "202",
        "the caller need not wait, or bursts must be taken in faster than they can be made",
    ),
)
"""Three ways to deal with transfers that share an account, and the head of their table."""

_WAYS = """<section id="ways">
<h2>Now, later, or only if busy</h2>
<p>Transfers that share an account are made one after another, and wait for each other. There are
three ways to deal with that, to be chosen request by request:</p>
{table}<p><code>WALLET_QUEUE=all</code> has every <code>POST /transaction</code> queued,
asked for or not: then all of them are made in the order in which they came. Otherwise what is made
at once may overtake what is queued. Payments, withdrawals, reversals and batches are made at once
in any case.</p>
<pre>curl http://127.0.0.1:8000/transaction \\
  -H 'Content-Type: application/json' -H 'Prefer: respond-async' \\
  -d '{{"source_account_id": 1, "target_account_id": 2, "amount": "1.00"}}'
{pending}
curl http://127.0.0.1:8000/transaction/4 -H 'Prefer: wait=10'
{succeeded}</pre>
<p>A transaction that was answered with 202 keeps its id, and ends as <code>succeeded</code>, or as
<code>failed</code> with the refusal as its <code>failure</code>.</p>
</section>
"""
_PENDING = (
    '{"id":4,"source_account_id":1,"target_account_id":2,"amount":"1.00",'
    '"ctime":"2026-11-22T19:36:27.110505Z","state":"pending"}'
)
_SUCCEEDED = (
    '{"id":4,"source_account_id":1,"target_account_id":2,"amount":"1.00",'
    '"ctime":"2026-11-22T19:36:27.163460Z","state":"succeeded"}'
)

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d8dce2, #3a404a);
  --soft: light-dark(#f4f6f8, #1d2127); --accent: light-dark(#0b5fa5, #7cc0ff); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem; }
code, pre, .method { font-family: ui-monospace, monospace; font-size: .9em; }
pre { background: var(--soft); padding: .7rem 1rem; white-space: pre-wrap; border-radius: .4rem; }
section { border-top: 1px solid var(--line); margin-top: 1.6rem; }
h2 { margin: 1.2rem 0 .2rem; font-size: 1.15rem; }
.method { color: var(--accent); font-weight: 700; margin-right: .5rem; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td:first-child { white-space: nowrap; }
small { opacity: .7; }
tr:target { background: var(--soft); }
a { color: var(--accent); }
"""


def page(document: Schema) -> bytes:
    """The page for an OpenAPI document made of components, as UTF-8."""
    info = document["info"]
    operations = [
        _operation(document, method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    codes = "".join(
        f'<tr id="{code.code}"><td><code>{code.code}</code></td><td>{code.status}</td>'
        f"<td>{_text(code.meaning)}</td></tr>"
        for code in CODES.values()
    )
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(info["title"])} {escape(info["version"])}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(info["title"])}</h1>
<p><strong>{escape(info["summary"])}</strong></p>
<p>{escape(info["description"])}</p>
<p>For programs: <a href="/openapi.json">/openapi.json</a>. For people: this page, and
<a href="#ways">when to have a transfer queued</a>, <a href="#errors">what the errors mean</a>.</p>
{_ways()}{"".join(operations)}
<section id="errors">
<h2>Errors</h2>
<p>Each is <code>application/problem+json</code>: <code>code</code> for programs,
<code>detail</code> and <code>hint</code> for people, <code>instance</code> to find the request in
the log. {" ".join(f"<code>{code}</code>" for code in EVERYWHERE)} can be the answer to any
request.</p>
<table><tr><th>Code</th><th>Status</th><th>When</th></tr>{codes}</table>
</section>
</body>
</html>
"""
    return html.encode()


def _text(text: str) -> str:
    """Text as HTML; what stands in backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _ways() -> str:
    """The section on the three ways."""
    head, *rest = [[_text(cell) for cell in row] for row in WAYS]
    table = f"<tr><th>{'</th><th>'.join(head)}</th></tr>"
    table += "".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rest)
    return _WAYS.format(
        table=f"<table>{table}</table>\n", pending=escape(_PENDING), succeeded=escape(_SUCCEEDED)
    )


def _operation(document: Schema, method: str, path: str, operation: Schema) -> str:
    responses = operation["responses"].items()
    successes = [answer for answer in responses if int(answer[0]) < 400]
    made = "".join(f"<p>{status}: {escape(a['description'])}</p>\n" for status, a in successes)
    answers = [
        " ".join(f'<a href="#{code}"><code>{code}</code></a>' for code in codes)
        + f" <small>{status}</small>"
        for status, answer in responses
        if int(status) >= 400
        and (codes := [code for code in answer["x-codes"] if code not in EVERYWHERE])
    ]
    refusals = f"<p>Or: {', '.join(answers)}.</p>" if answers else ""
    return f"""<section id="{operation["operationId"]}">
<h2><span class="method">{method.upper()}</span><code>{escape(path)}</code></h2>
<p>{escape(operation["summary"])}</p>
<pre>{escape(_curl(document, method, path, operation))}</pre>
{_parameters(document, operation)}{made}{_example_answer(document, successes[0][1])}{refusals}
</section>
"""


def _parameters(document: Schema, operation: Schema) -> str:
    """The parameters in the query and in headers, except X-Request-ID, which any request has."""
    items = [
        f"<li><code>{escape(parameter['name'])}</code> {escape(parameter['description'])}</li>"
        for parameter in _resolved(document, operation["parameters"])
        if parameter["in"] != "path" and parameter["name"] != "X-Request-ID"
    ]
    return f"<ul>{''.join(items)}</ul>\n" if items else ""


def _example_answer(document: Schema, answer: Schema) -> str:
    """An example of a success, if it is an object with members."""
    schema = _resolve(document, next(iter(answer["content"].values()))["schema"])
    if "properties" not in schema:
        return ""
    return f"<pre>{escape(json.dumps(_example(document, schema, 1)))}</pre>\n"


def _resolve(document: Schema, schema: Schema) -> Schema:
    """The schema that a reference points to; any other schema itself."""
    if "$ref" not in schema:
        return schema
    found = document
    for name in schema["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _resolved(document: Schema, schemas: list[Schema]) -> list[Schema]:
    return [_resolve(document, schema) for schema in schemas]


def _example(document: Schema, schema: Schema, number: int) -> Any:
    """A value of a schema: its own example, else one made up, in which `number` is the number."""
    schema = _resolve(document, schema)
    if "examples" in schema:
        return schema["examples"][0]
    if "properties" in schema:
        properties = schema["properties"].items()
        members = enumerate((p for p in properties if p[0] in schema["required"]), 1)
        return {name: _example(document, member, number) for number, (name, member) in members}
    if "anyOf" in schema:
        return _example(document, schema["anyOf"][0], number)
    if schema.get("type") == "array":
        return [_example(document, schema["items"], 1)]
    return number


def _curl(document: Schema, method: str, path: str, operation: Schema) -> str:
    query = "&".join(
        f"{parameter['name']}={_example(document, parameter['schema'], 1)}"
        for parameter in _resolved(document, operation["parameters"])
        if parameter["in"] == "query" and parameter.get("required")
    )
    url = f"http://127.0.0.1:8000{path.replace('{id}', '1')}{f'?{query}' if query else ''}"
    words = [f"curl {url}"]
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        example = json.dumps(_example(document, schema, 1))
        words += ["-H 'Content-Type: application/json'", f"-d '{example}'"]
    return " \\\n  ".join(words)
