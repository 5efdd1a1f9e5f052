"""The containers that all tests of this folder share."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.containers.stack import Stack
from tests.support.servers import chosen


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """All services up and healthy, on an empty ledger to begin with."""
    if chosen() != "testcontainers":
        pytest.skip("run it with: make test-containers")
    stack = Stack()
    try:
        stack.check_out()
        try:
            said = stack.up()
        except AssertionError as error:
            logs = stack.compose("logs", "--no-color")
            raise AssertionError(f"{error}\n{logs}") from None
        (key,) = re.findall(r"^API key +(pgw_\w+)", said, re.MULTILINE)
        assert f"API        https://127.0.0.1:{stack.port}\n" in said
        stack.connect(key)
        with stack.client:
            yield stack
    finally:
        stack.remove()
