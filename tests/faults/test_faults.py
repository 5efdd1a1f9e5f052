"""Under each fault: what was answered is there once, what was refused is not, and service resumes.

`make faults` runs all of them, one after another, and writes what it saw to docs/reliability.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.faults import FAULTS
from tests.faults.ledger import judge
from tests.faults.report import ROWS, Row
from tests.faults.world import CONNECTIONS
from tests.http.processes import OwnServer, own_database, pending, wait_until
from tests.support.databases import Database


@pytest.fixture(scope="module")
def own_server() -> Iterator[tuple[OwnServer, Database]]:
    """A server that keeps fsync on, and a template on it."""
    with own_database() as (server, template):
        assert template.execute("SHOW fsync") == [{"fsync": "on"}]
        yield server, template


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.short] * fault.in_short, id=fault.strike.__name__)
        for name, fault in FAULTS.items()
    ],
)
def test_a_fault_loses_and_doubles_nothing_and_is_recovered_from(
    own_server: tuple[OwnServer, Database], name: str, request: pytest.FixtureRequest
) -> None:
    fault = FAULTS[name]
    # The short form runs on busy machines: there it counts that service resumes, not when.
    allowed = fault.seconds * (4 if request.config.option.markexpr else 1)
    with fault.world(*own_server) as world:
        with world.load as load:
            load.rate(0.5)  # Connections are opened.
            before = load.rate(1.5)
            load.flat_out = True
            load.rate(0.3)
            fault.strike(world)
            load.flat_out = False
            seconds = load.seconds_to_recover(before, max(allowed, 2 * fault.seconds))
        wait_until(lambda: pending(world.database) == 0, "the queue is processed")
        wait_until(world.is_whole, "the service's processes and connections are as before")
        verdict = judge(load.asked, world.database, world.first)
        row = Row(verdict, seconds, load.seen, load.longest)
        print(f"{before:.0f} requests/s before; {row}")
        assert not any(verdict[2:]), verdict[2:]
        assert load.not_found == []
        assert world.most_sessions <= CONNECTIONS
        assert seconds <= allowed
        assert not any(label.startswith("500") for label in load.seen)
    ROWS[name] = row
