"""Settings, read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct, inspect, structs


class ConfigError(Exception):
    """A setting that cannot be used. The message names it and says what it takes."""


_HOSTS = r"^[^,\s]+(,[^,\s]+)*\Z"
_ORIGINS = r"^https?://[^/,\s]+(,https?://[^/,\s]+)*\Z"
_Timeout: TypeAlias = Annotated[float, Meta(ge=0.01, le=60)]


class Settings(Struct, frozen=True):
    """The service's settings: field `x` is the variable WALLET_X. Times are in seconds."""

    database_url: Annotated[str, Meta(pattern="^postgres(ql)?://")]
    """As libpq writes it: postgresql://wallet_app:…@host:5432/wallet."""
    database_password: str = ""
    """The password, for a URL that has none."""
    read_url: Annotated[str, Meta(pattern="^postgres(ql)?://")] = ""
    """A standby's, for reads; empty, the primary answers all of them."""
    read_max_lag: Annotated[float, Meta(ge=0.5, le=60)] = 1.0
    """How far the standby may be behind: beyond, the primary answers."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 8000
    """The port to listen on."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """Processes that answer requests; each has connections of its own."""
    pool_size: Annotated[int, Meta(ge=5, le=1000)] = 16
    """The most connections that one worker opens."""
    group_max: Annotated[int, Meta(ge=1, le=1000)] = 128
    """The most payments, withdrawals and transfers that go to PostgreSQL in one call."""
    max_waiting: Annotated[int, Meta(ge=1, le=100_000)] = 4096
    """The most payments, withdrawals and transfers of a worker that are unanswered at once, then
    503 `busy`."""
    pool_timeout: _Timeout = 2.0
    """How long a request waits for a connection, then 503 `busy`."""
    lock_timeout: _Timeout = 2.0
    """How long a request waits for accounts and its key in all, then 503 `busy`."""
    statement_timeout: _Timeout = 5.0
    """How long a call may take in all, then 503 `busy`."""
    request_timeout: Annotated[float, Meta(ge=0.1, le=600)] = 30.0
    """How long a request may take to arrive in all, then 408; and a client to read an answer."""
    max_connections: Annotated[int, Meta(ge=1, le=100_000)] = 1024
    """The most clients' connections that a worker has, if the limit on open files allows them."""
    max_body_memory: Annotated[int, Meta(ge=4, le=65_536)] = 64
    """The most megabytes of batches' bodies that a worker holds at once, then 503 `busy`."""
    hosts: Annotated[str, Meta(pattern=_HOSTS, description="host names, separated by commas")] = ""
    """The names in `Host` that are answered; empty, see known_hosts."""
    origins: Annotated[
        str,
        Meta(pattern=_ORIGINS, description="origins such as https://a.example, with commas"),
    ] = ""
    """The other sites whose pages may use the service from a browser."""
    shutdown_timeout: Annotated[float, Meta(ge=0, le=600)] = 15.0
    """How long requests in flight have to finish when the service is told to stop."""
    queue: Literal["on-request", "all"] = "on-request"
    """Which transfers are queued: those that ask for it, or every POST /transaction."""
    auth: Literal["unless-loopback", "required", "off"] = "unless-loopback"
    """Whether a request needs an API key; by default, if the service listens on an address that is
    not a loopback one."""
    rate_limit: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """Requests a second of an API key that one worker answers, then 429; 0 is no limit."""
    log_format: Literal["text", "json"] = "text"
    """`json` writes one JSON object a line."""
    access_log: bool = False
    """Whether each request is logged."""

    @property
    def max_wait(self) -> float:
        """How long a transfer may wait for its accounts and still be done or queued in time."""
        return self.statement_timeout * 0.8

    @property
    def known_hosts(self) -> frozenset[str] | None:
        """The names that requests may have in `Host`, in lower case; None means any.

        A service on a loopback address answers only to the names of one. Else a page of another
        site could reach it by a name of its own that leads to 127.0.0.1.
        """
        if self.hosts:
            return frozenset(self.hosts.lower().split(","))
        if is_loopback(self.host):
            name = f"[{self.host}]" if ":" in self.host else self.host
            return frozenset({name.lower(), "localhost", "127.0.0.1", "[::1]"})
        return None

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins of `origins`."""
        return frozenset(filter(None, self.origins.split(",")))

    @property
    def needs_keys(self) -> bool:
        """Whether a request needs an API key."""
        return self.auth == "required" or (self.auth != "off" and not is_loopback(self.host))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read WALLET_* variables; unset and empty ones take their defaults.

        WALLET_X_FILE names a file that holds WALLET_X. Raises ConfigError for a value that cannot
        be used, a variable that is not a setting, and without WALLET_DATABASE_URL.
        """
        fields = {f"WALLET_{field.name.upper()}": field for field in structs.fields(cls)}
        environ = _with_files(environ, fields)
        for name in environ:
            # Compose has the first one for its database; the tests have variables of their own.
            if (
                name.startswith("WALLET_")
                and name not in {"WALLET_APP_PASSWORD", *fields}
                and not name.startswith("WALLET_TEST_")
            ):
                near = get_close_matches(name, fields, 1, 0.8)
                meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(fields)}"
                raise ConfigError(f"{name} is not a setting; {meant}")
        if not environ.get("WALLET_DATABASE_URL"):
            raise ConfigError(
                "WALLET_DATABASE_URL is not set; "
                "set it to postgresql://wallet_app:PASSWORD@HOST:5432/DATABASE"
            )
        values = {}
        for name, field in fields.items():
            if text := environ.get(name):
                try:
                    values[field.name] = msgspec.convert(text, field.type, strict=False)
                except msgspec.ValidationError:
                    raise ConfigError(_refusal(name, text, field.type)) from None
        return cls(**values)


def _with_files(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Replace each setting's WALLET_X_FILE by WALLET_X with what the file holds."""
    values = dict(environ)
    for name in names:
        if path := values.pop(f"{name}_FILE", None):
            if values.get(name):
                raise ConfigError(f"{name} and {name}_FILE are both set; set one of them")
            try:
                values[name] = Path(path).read_text().rstrip("\r\n")
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "it is not a text"
                raise ConfigError(f"{name}_FILE: cannot read {path}: {reason.lower()}") from None
    return values


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def takes(type: object) -> str:
    """What a setting of this type takes; nothing for a text, which is not refused."""
    match inspect.type_info(type):
        case inspect.IntType(ge=least, le=most):
            return f"a whole number from {least} to {most}"
        case inspect.FloatType(ge=least, le=most):
            return f"a number from {least:g} to {most:g}"
        case inspect.LiteralType(values=values):
            return " or ".join(map(str, values))
        case inspect.BoolType():
            return "true or false"
        case inspect.Metadata(extra_json_schema={"description": str(described)}):
            return described
    return ""


def _refusal(name: str, text: str, type: object) -> str:
    if taken := takes(type):
        return f"{name} is {text!r}; it takes {taken}"
    # The database's URL, which may hold a password.
    return f"{name} must begin with postgresql://"
