"""The project's own containers, made from a clean checkout and removed again."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from tests.support.service import free_port
from tools.embedded import CHECKOUT

# Whatever a password may hold must get through Compose, the shell, psql and a URL unharmed.
PASSWORDS = {
    "POSTGRES_PASSWORD": """s"u'p$HOME: /@\\%20""",
    "WALLET_APP_PASSWORD": """a'p"p${x}: /@\\%41""",
}
# What this machine has set must not decide how the containers are made.
_FOREIGN = ("WALLET_", "POSTGRES_", "COMPOSE_", "PG", "MAKE", "MFLAGS")


class Stack:
    """What `make up` starts, under a name and on a port that nothing else uses."""

    def __init__(self) -> None:
        self.project = f"pgwallet-test-{os.getpid()}"
        self.folder = Path(tempfile.mkdtemp(prefix="pgwallet-checkout-"))
        self.port = free_port()
        environ = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        self._environ = {
            **environ,
            **PASSWORDS,
            "COMPOSE_PROJECT_NAME": self.project,
            "WALLET_PORT": str(self.port),
        }
        self.tls = ssl.create_default_context()
        self.client: httpx.Client

    def check_out(self) -> None:
        """Copy what a commit of everything here would hold: no ignored file, no environment."""
        listed = self.run(
            *("git", "-c", "safe.directory=*", "-C", str(CHECKOUT)),
            *("ls-files", "-z", "--cached", "--others", "--exclude-standard"),
        )
        for name in listed.rstrip("\0").split("\0"):
            source, target = CHECKOUT / name, self.folder / name
            if source.exists() or source.is_symlink():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)

    def up(self) -> str:
        """Build, start, and return once all is healthy. The images may take minutes."""
        return self.run("make", "up", timeout=900)

    def connect(self, key: str) -> None:
        """Make the client. It trusts the certificate that the edge has made, and no other."""
        certificate = self.compose("exec", "-T", "edge", "cat", "/tls/tls.crt")
        self.tls = ssl.create_default_context(cadata=certificate)
        base_url = f"https://localhost:{self.port}"
        headers = {"Authorization": f"Bearer {key}"}
        self.client = httpx.Client(base_url=base_url, verify=self.tls, headers=headers, timeout=30)
        # Each worker reads the keys every two seconds.
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if httpx.get(f"{base_url}/version", verify=self.tls, headers=headers).is_success:
                return
            time.sleep(0.1)

    def remove(self) -> None:
        """Remove containers, network, volume and images, and the checkout."""
        try:
            self.compose("down", "--volumes", "--remove-orphans", "--rmi", "local")
        finally:
            shutil.rmtree(self.folder)

    def compose(self, *arguments: str) -> str:
        return self.run("docker", "compose", *arguments)

    def psql(self, *statements: str) -> str:
        """What psql inside `db` prints for these statements, errors too, without headers."""
        commands = [argument for text in statements for argument in ("-c", text)]
        return self.compose("exec", "-T", "db", "psql", "-XAtq", *commands)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in the checkout that is written to and read from."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=self._environ, stdin=pipe, stdout=pipe, text=True
        )

    def inspect(self, service: str) -> dict[str, Any]:
        """What Docker knows of a service's only container, whether it runs or not."""
        container = self.compose("ps", "--all", "--quiet", service).strip()
        (state,) = json.loads(self.run("docker", "inspect", container))
        assert isinstance(state, dict)
        return state

    def run(self, *command: str, timeout: float = 180, fails: bool = False) -> str:
        """Run a command in the checkout, and return what it printed on both outputs.

        It must succeed, or fail where `fails` says so: else what it printed is the failure.
        """
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            printed = bytes(error.stdout or b"").decode(errors="replace")
            raise AssertionError(
                f"{' '.join(command)} took over {timeout} seconds:\n{printed}"
            ) from None
        if (done.returncode != 0) != fails:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
        return done.stdout
