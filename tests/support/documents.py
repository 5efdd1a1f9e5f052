"""The commands that a document gives, for tests that run them."""

from __future__ import annotations

import re

from tools.embedded import CHECKOUT


def commands(heading: str, path: str = "docs/operations.md") -> list[str]:
    """What follows a prompt in the section under this heading."""
    _, _, section = (CHECKOUT / path).read_text().partition(f"# {heading}\n")
    assert section, f"{path} has no section {heading}"
    section = re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"^\$ (.*)$", section, re.MULTILINE)
    assert found, f"{heading} in {path} has no commands"
    return found
