"""The pages for people: /guide, /docs and /console, and /openapi.json for programs.

The console's script calls the API from the browser, like any other client.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from sanic import Blueprint, HTTPResponse, Request
from sanic.exceptions import NotFound

from service.guide import guide
from service.openapi import DOCUMENT
from service.responses import Response, json_response, request_id

blueprint = Blueprint("pages")

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
# Everything comes from this very host, and no page may be shown within another one.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STRICT = _POLICY.format(styles="")


def _swagger_ui() -> Path:
    """The folder with Swagger UI's files. Its package itself is not imported."""
    locations = getattr(find_spec("swagger_ui"), "submodule_search_locations", None)
    if not locations:
        raise ModuleNotFoundError("swagger_ui is not installed")
    return Path(locations[0]) / "static"


_FILES = {
    path.name: path.read_bytes()
    for path in (
        *(Path(__file__).parents[1] / "pages").iterdir(),
        _swagger_ui() / "swagger-ui.css",
        _swagger_ui() / "swagger-ui-bundle.js",
    )
}


def _response(request: Request, name: str, body: bytes, policy: str = _STRICT) -> HTTPResponse:
    headers = {"X-Request-ID": request_id(request), "Content-Security-Policy": policy}
    return Response(body, 200, headers, f"{_TYPES[Path(name).suffix]}; charset=utf-8")


@blueprint.get("/", ctx_scope=None)
async def index(request: Request) -> HTTPResponse:
    headers = {"X-Request-ID": request_id(request), "Location": "/guide"}
    return Response(None, 302, headers, None)


@blueprint.get("/guide", name="guide", ctx_scope=None)
async def show_guide(request: Request) -> HTTPResponse:
    # An edge that ends TLS says so.
    is_tls = request.headers.getone("x-forwarded-proto", "") == "https"
    base = f"{'https' if is_tls else 'http'}://{request.headers.getone('host', '')}"
    return _response(request, "guide.html", guide(base))


@blueprint.get("/docs", ctx_scope=None)
async def docs(request: Request) -> HTTPResponse:
    # Swagger UI writes styles into its elements.
    policy = _POLICY.format(styles=" 'unsafe-inline'")
    return _response(request, "docs.html", _FILES["docs.html"], policy)


@blueprint.get("/console", ctx_scope=None)
async def console(request: Request) -> HTTPResponse:
    return _response(request, "console.html", _FILES["console.html"])


@blueprint.get("/pages/<name:str>", ctx_scope=None)
async def file(request: Request, name: str) -> HTTPResponse:
    if name not in _FILES or name.endswith(".html"):
        raise NotFound
    return _response(request, name, _FILES[name])


@blueprint.get("/openapi.json", ctx_scope=None)
async def openapi(request: Request) -> HTTPResponse:
    return json_response(request, 200, DOCUMENT)
