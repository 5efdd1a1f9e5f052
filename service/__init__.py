"""The wallet ledger over HTTP. Each request is one call of one function in PostgreSQL."""

__version__ = "0.5.0"
