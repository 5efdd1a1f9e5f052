"""The commands that a document gives, for tests that run them."""

from __future__ import annotations

import re

from tools.embedded import CHECKOUT


def section(heading: str, path: str = "docs/operations.md") -> str:
    """What is under this heading, up to the next one."""
    _, _, text = (CHECKOUT / path).read_text().partition(f"# {heading}\n")
    assert text, f"{path} has no section {heading}"
    return re.split(r"^#", text, maxsplit=1, flags=re.MULTILINE)[0]


def commands(heading: str, path: str = "docs/operations.md") -> list[str]:
    """What follows a prompt in the section under this heading."""
    found = re.findall(r"^\$ (.*)$", section(heading, path), re.MULTILINE)
    assert found, f"{heading} in {path} has no commands"
    return found
