"""The wallet ledger over HTTP. A request is one call of one function, or shares a group's call."""

__version__ = "0.5.0"
