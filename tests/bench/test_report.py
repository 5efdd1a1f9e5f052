"""The report shows what was measured, and nothing else."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import report
from bench.results import Results
from tools.embedded import CHECKOUT


@pytest.fixture
def results() -> Results:
    """Two rounds of transfer() and of the client-side transaction, and nothing else."""
    results = Results({"cores": "2"})
    for distribution, transfer, client_side in (("uniform", 4000, 2000), ("hot10", 2000, 0)):
        for name, rate in (("transfer", transfer), ("client_side", client_side)):
            for factor in (1.0, 1.5):
                results.add(f"pgbench/{distribution}/{name}", rate * factor)
                results.add(f"pgbench/{distribution}/{name}/failed", 0.5)
                results.add(f"pgbench/{distribution}/{name}/wal", 800)
    return results


def test_what_was_not_measured_is_left_out(results: Results) -> None:
    titles = [title for title, _ in report.tables(results)]
    assert titles == ["Ratios", "In the database: transfers a second"]
    # Nothing succeeded on hot accounts: there is no ratio.
    assert report.ratios(results) == {
        "transfer() ÷ client-side transaction, 10 000 accounts": [2.0, 2.0]
    }
    assert report.tables(Results()) == []


def test_the_report_is_written_and_read_again(results: Results, tmp_path: Path) -> None:
    report.write_report(results, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "- cores: 2" in text
    assert "5 000 (4 000–6 000)" in text
    assert Results.read(tmp_path / "results.json") == results


def test_charts_are_svg_for_light_and_dark() -> None:
    for text in report.charts(Results.read(CHECKOUT / "bench/results.json")).values():
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme: dark" in text
        assert "NaN" not in text


def test_what_is_committed_is_what_was_measured(tmp_path: Path) -> None:
    own = CHECKOUT / "bench"
    results = Results.read(own / "results.json")
    report.write_report(results, tmp_path)
    for path in tmp_path.iterdir():
        assert (own / path.name).read_text() == path.read_text(), path.name
    readme = tmp_path / "README.md"
    readme.write_text((CHECKOUT / "README.md").read_text())
    report.write_readme(results, readme)
    assert (CHECKOUT / "README.md").read_text() == readme.read_text()
