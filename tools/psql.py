"""`make psql`: psql on the database that `make run` serves."""

from __future__ import annotations

import os
import sys

from tools.embedded import EmbeddedServer, folder_of_checkout
from tools.run import DATABASE


def main() -> None:
    url = os.environ.get("WALLET_DATABASE_URL")
    if url:
        os.execvp("psql", ["psql", url])
    server = EmbeddedServer(folder_of_checkout())
    if not server.data.exists() or not server.is_running():
        sys.exit("pgwallet: the server is not running; start it with: make run")
    user = sys.argv[1] if len(sys.argv) > 1 else "wallet_app"
    os.execvpe("psql", ["psql"], {**os.environ, **server.environ(user, DATABASE)})


if __name__ == "__main__":
    main()
