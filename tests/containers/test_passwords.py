"""The passwords that `make up` makes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tools.embedded import CHECKOUT


def test_each_password_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    script = shutil.copy(CHECKOUT / "tools/passwords", tmp_path / "tools")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("WALLET_", "POSTGRES_"))}
    env = tmp_path / ".env"

    def made(**given: str) -> dict[str, str]:
        """What `.env` holds after another run."""
        subprocess.run([script], env={**environ, **given}, check=True, capture_output=True)
        return dict(line.split("=") for line in env.read_text().splitlines())

    first = made(POSTGRES_PASSWORD="given")
    assert list(first) == ["WALLET_APP_PASSWORD"]
    assert env.stat().st_mode & 0o777 == 0o600
    both = made()
    assert made() == both == {**first, "POSTGRES_PASSWORD": both["POSTGRES_PASSWORD"]}
    assert all(len(set(value)) > 8 and len(value) == 48 for value in both.values())
    assert len(set(both.values())) == 2
