"""What `pip install .` installs: the service whole, with a command that says what it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from msgspec.structs import fields

from service import __version__
from service.config import Settings
from tools.embedded import CHECKOUT

# Nothing is asked of a network: what it needs is here already.
PIP = "pip install --quiet --no-index --no-deps --no-build-isolation --root-user-action ignore"


def test_the_installed_command_has_its_version_and_its_help_and_the_service_its_pages(
    tmp_path: Path,
) -> None:
    copy, installed = tmp_path / "copy", tmp_path / "installed"
    # A build leaves files in the tree that it is made from.
    shutil.copytree(CHECKOUT / "service", copy / "service")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, copy)
    command = [sys.executable, "-m", *PIP.split(), "--target", str(installed), str(copy)]
    subprocess.run(command, check=True)
    environ = {**os.environ, "PYTHONPATH": str(installed)}
    said = [
        subprocess.check_output(
            [sys.executable, installed / "bin/pgwallet", option], env=environ, cwd=tmp_path
        ).decode()
        for option in ("--version", "--help")
    ]
    assert said[0] == f"pgwallet {__version__}\n"
    for field in fields(Settings):
        assert f"WALLET_{field.name.upper()}" in said[1]
    files = {path.relative_to(CHECKOUT) for path in (CHECKOUT / "service").rglob("*")}
    for path in files:
        if "__pycache__" not in path.parts:
            assert (installed / path).exists(), f"it lacks {path}"
