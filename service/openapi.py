"""What the API is: an OpenAPI 3.1 document, and a page made from it that works offline."""

DOCUMENT: dict[str, object] = {}


def docs_page(document: dict[str, object]) -> bytes:
    return b""
