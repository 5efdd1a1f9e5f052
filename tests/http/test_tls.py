"""TLS between service and database, on a server that has OpenSSL: Debian's, not the wheel's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.http.test_start import refusal_to_start
from tests.support.servers import chosen
from tests.support.service import free_port
from tools.embedded import EmbeddedServer, temporary_folder

PASSWORD = "s3cret: /@%41"


def make_certificate(folder: Path, name: str) -> Path:
    """A certificate for 127.0.0.1, signed by its own key, which lies beside it."""
    path = folder / f"{name}.crt"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test"
    alternative = "subjectAltName=IP:127.0.0.1"
    key = path.with_suffix(".key")
    subprocess.run(
        [*command.split(), "-addext", alternative, "-keyout", key, "-out", path],
        check=True,
        capture_output=True,
    )
    return path


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, Path]]:
    """A server that takes wallet_app over TLS alone: its port, and its certificate."""
    programs = Path(chosen())
    if not (programs / "initdb").exists():
        pytest.skip("run it with: make test15")
    folder, port = temporary_folder(), free_port()
    certificate = make_certificate(folder, "server")
    access = folder / "pg_hba.conf"
    access.write_text("local all all trust\nhostssl all all all scram-sha-256\n")
    key = certificate.with_suffix(".key")
    options = {"listen_addresses": "127.0.0.1", "port": str(port), "ssl": "on"}
    options |= {"ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
    postgres = EmbeddedServer(folder, {**options, "hba_file": str(access)}, programs)
    if postgres.user:
        for path in (certificate, key, access):
            os.chown(path, postgres.user.pw_uid, postgres.user.pw_gid)
    postgres.start()
    try:
        with psycopg.connect(f"{postgres.url('postgres', 'postgres')}&port={port}") as connection:
            connection.execute(f"CREATE ROLE wallet_app LOGIN PASSWORD '{PASSWORD}'")
        yield port, certificate
    finally:
        postgres.remove()


def test_verify_full_takes_the_right_certificate_alone(
    server: tuple[int, Path], tmp_path: Path
) -> None:
    port, right = server
    wrong = make_certificate(tmp_path, "wrong")
    for name, text in (("right", f"{PASSWORD}\n"), ("other", "s3cret")):
        (tmp_path / name).write_text(text)

    def answer(host: str, trusted: Path, password: str = "right") -> str:
        url = f"postgresql://wallet_app@{host}:{port}/postgres"
        return refusal_to_start(
            WALLET_DATABASE_URL=f"{url}?sslmode=verify-full&sslrootcert={trusted}",
            WALLET_DATABASE_PASSWORD_FILE=str(tmp_path / password),
        )

    # It got in: only the schema is missing.
    assert "not deployed in the database postgres" in answer("127.0.0.1", right)
    assert "certificate verify failed: self-signed" in answer("127.0.0.1", wrong)
    assert "certificate is not valid for 'localhost'" in answer("localhost", right)
    assert "password authentication failed" in answer("127.0.0.1", right, "other")
