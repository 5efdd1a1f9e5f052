"""`make lock`: pin every dependency of pyproject.toml with hashes, for every platform."""

from __future__ import annotations

import subprocess
from pathlib import Path

REQUIREMENTS = Path("requirements")


def compile(name: str, *arguments: str) -> None:
    subprocess.run(
        [
            *(".venv/bin/uv", "pip", "compile", "--quiet", "--universal", "--upgrade"),
            *("--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"),
            *(*arguments, "pyproject.toml", "-o", str(REQUIREMENTS / f"{name}.txt")),
        ],
        check=True,
    )


def main() -> None:
    compile("dev", "--extra", "run", "--extra", "dev")
    # The same versions, fewer packages.
    constraint = ("-c", str(REQUIREMENTS / "dev.txt"))
    compile("run", "--extra", "run", *constraint)
    compile("bench", "--extra", "run", "--extra", "bench", *constraint)
    compile("service", *constraint)


if __name__ == "__main__":
    main()
