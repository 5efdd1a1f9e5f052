"""The limits of the service, each stated once."""

from __future__ import annotations

MAX_BODY_BYTES = 8192
"""The largest body, except a batch's."""

MAX_BATCH_BODY_BYTES = 4 * 1024 * 1024
"""The largest body of a batch."""

MAX_BATCH = 10_000
"""The most transfers in a batch, for the documents. PostgreSQL counts them."""

MAX_AMOUNT = "999999.99"
"""The largest amount and the largest balance, for the documents. PostgreSQL checks them."""

MAX_HOLD_SECONDS = 366 * 24 * 3600
"""As long as a hold may last."""

MAX_ID = 2**63 - 1
"""The largest id of an account or a transaction."""

MAX_REFERENCE = 255
"""The longest reference, in characters."""

MAX_METADATA_BYTES = 4096
"""The largest metadata, as PostgreSQL writes it."""

MAX_METADATA_DEPTH = 100
"""How many objects and arrays of metadata may be within one another."""

MAX_NUMBER_LENGTH = 100
"""The longest JSON number that is read as an amount, in characters."""

MAX_ERRORS = 100
"""The most errors that one answer lists, so that it stays small whatever the request."""

MAX_VIOLATIONS = 100
"""The most violations that one answer lists."""

AUDIT_TIMEOUT = 30.0
"""The most seconds that an audit over HTTP takes."""

PAGE_SIZE, MAX_PAGE_SIZE = 50, 1000
"""The lines of a statement in one answer: by default, and at most."""

RATE_WINDOW = 10
"""The seconds for which a key may save up requests that it did not make."""

MAX_WAIT = 30.0
"""The most seconds that a GET waits for a pending transaction."""

HOLD_SECONDS = 7 * 24 * 3600
"""How long a hold lasts if it is not said."""
