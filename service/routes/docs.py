"""/openapi.json and /docs: what the API is, for programs and for people."""

from __future__ import annotations

from sanic import Blueprint, HTTPResponse, Request

from service.docs import page
from service.openapi import DOCUMENT
from service.responses import Response, json_response, request_id

blueprint = Blueprint("docs")

_page = page(DOCUMENT)


@blueprint.get("/openapi.json")
async def openapi(request: Request) -> HTTPResponse:
    return json_response(request, 200, DOCUMENT)


@blueprint.get("/docs")
async def docs(request: Request) -> HTTPResponse:
    headers = {
        "X-Request-ID": request_id(request),
        # The page is whole in itself: nothing is fetched, nothing is run.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    }
    return Response(_page, 200, headers, "text/html; charset=utf-8")
