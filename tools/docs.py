"""`make docs`: write every file that is generated from the schema or the service."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools import errors_page, examples, functions_page, schema
from tools.embedded import CHECKOUT, EmbeddedServer, temporary_folder
from tools.run import DATABASE, create_database, deploy


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    print(f"{path.relative_to(CHECKOUT)} written")


def main() -> None:
    server = EmbeddedServer(temporary_folder(), {"fsync": "off"})
    try:
        server.start()
        deployed = examples.play(examples.DEPLOY, server.environ("postgres", "postgres"))
        write(examples.DEPLOY.with_suffix(".out"), deployed)
        create_database(server)
        deploy(server)
        environ = server.environ("postgres", DATABASE)
        write(schema.SCHEMA, schema.dump(environ))
        write(functions_page.PATH, functions_page.page(environ))
        write(errors_page.PATH, errors_page.page())
        for number, example in enumerate(sorted(examples.EXAMPLES.glob("[1-9]*.sql"))):
            clone = f"{DATABASE}_{number}"
            subprocess.run(["createdb", "-T", DATABASE, clone], env=environ, check=True)
            played = examples.play(example, server.environ("postgres", clone))
            write(example.with_suffix(".out"), played)
    finally:
        server.remove()


if __name__ == "__main__":
    main()
