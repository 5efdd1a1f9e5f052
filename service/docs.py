"""The docs page: the OpenAPI document as HTML that loads nothing and runs nothing."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from service.errors import STATUSES
from service.openapi import CODES, EVERYWHERE

Schema = dict[str, Any]

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
        f'<tr id="{code}"><td><code>{code}</code></td><td>{STATUSES[code]}</td>'
        f"<td>{escape(meaning)}</td></tr>"
        for code, meaning in CODES.items()
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
<a href="#errors">what the errors mean</a>.</p>
{"".join(operations)}
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


def _operation(document: Schema, method: str, path: str, operation: Schema) -> str:
    responses = operation["responses"].items()
    successes = [answer for answer in responses if int(answer[0]) < 400]
    made = "".join(f"<p>{status}: {escape(a['description'])}</p>\n" for status, a in successes)
    answers = [
        " ".join(f'<a href="#{code}"><code>{code}</code></a>' for code in codes)
        + f" <small>{status}</small>"
        for status, answer in responses
        if int(status) >= 400
        and (codes := [c for c in answer["description"].split(" or ") if c not in EVERYWHERE])
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
    """What a caller may say in the query or in a header, but for what every request may have."""
    items = [
        f"<li><code>{escape(parameter['name'])}</code> {escape(parameter['description'])}</li>"
        for parameter in _resolved(document, operation["parameters"])
        if parameter["in"] != "path" and parameter["name"] != "X-Request-ID"
    ]
    return f"<ul>{''.join(items)}</ul>\n" if items else ""


def _example_answer(document: Schema, answer: Schema) -> str:
    """What a success looks like, when it is an object with members."""
    schema = _resolve(document, next(iter(answer["content"].values()))["schema"])
    if "properties" not in schema:
        return ""
    return f"<pre>{escape(json.dumps(_example(document, schema, 1)))}</pre>\n"


def _resolve(document: Schema, schema: Schema) -> Schema:
    """What a reference points to; anything else as it is."""
    if "$ref" not in schema:
        return schema
    found = document
    for name in schema["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _resolved(document: Schema, schemas: list[Schema]) -> list[Schema]:
    return [_resolve(document, schema) for schema in schemas]


def _example(document: Schema, schema: Schema, number: int) -> Any:
    """A value of a schema: its own example, else one made up; `number` where a number is wanted."""
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
    words = [
        f"curl{' -X POST' if method == 'post' and 'requestBody' not in operation else ''} {url}"
    ]
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        example = json.dumps(_example(document, schema, 1))
        words += ["-H 'Content-Type: application/json'", f"-d '{example}'"]
    return " \\\n  ".join(words)
