"""`make examples`: run the walkthroughs of sql/examples and record what psql prints."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tools.embedded import CHECKOUT, EmbeddedServer, temporary_folder
from tools.run import DATABASE, create_database, deploy

EXAMPLES = CHECKOUT / "sql/examples"


def play(example: Path, environ: dict[str, str]) -> str:
    """What psql prints when it is given the walkthrough, on the empty schema `environ` names."""
    done = subprocess.run(
        ["psql", "-X", "-a", "-q"],
        input=example.read_text(encoding="utf-8"),
        env={**os.environ, **environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


def main() -> None:
    for example in sorted(EXAMPLES.glob("*.sql")):
        server = EmbeddedServer(temporary_folder(), {"fsync": "off"})
        try:
            server.start()
            create_database(server)
            deploy(server)
            output = example.with_suffix(".out")
            output.write_text(play(example, server.environ("postgres", DATABASE)))
            print(f"{output.relative_to(CHECKOUT)} written")
        finally:
            server.remove()


if __name__ == "__main__":
    main()
