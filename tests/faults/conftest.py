"""After the run: the table, and in docs/reliability.md if all faults went well."""

from __future__ import annotations

import pytest

from tests.faults import report
from tests.faults.faults import FAULTS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if report.ROWS:
        terminalreporter.write(report.table())
    if report.ROWS.keys() == FAULTS.keys():
        report.write()
