"""What psql prints when it runs the walkthroughs of sql/examples."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tools.embedded import CHECKOUT

EXAMPLES = CHECKOUT / "sql/examples"
DEPLOY = EXAMPLES / "0-deploy.sql"
"""It begins on a server without a wallet, the others in an empty ledger."""


def play(example: Path, environ: dict[str, str]) -> str:
    """What psql prints when it is given the walkthrough, on the database that `environ` names."""
    done = subprocess.run(
        ["psql", "-X", "-a", "-q"],
        cwd=CHECKOUT,
        input=example.read_text(encoding="utf-8"),
        env={**os.environ, **environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout
