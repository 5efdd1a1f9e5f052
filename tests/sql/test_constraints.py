"""The tables' own rules stop a wrong write, even a superuser's and the owner's."""

from __future__ import annotations

import pytest

from tests.support.calls import Connection, ledger, open_accounts, refusal

CHECK, UNIQUE, FOREIGN, NOT_NULL, TOO_LARGE = "23514", "23505", "23503", "23502", "22003"

# What an account is set to, and the SQLSTATE and constraint or column that stops it. A domain's
# rule is named for the domain; a NULL, for the column.
ACCOUNT = {
    "balance = 'NaN'": (CHECK, "balance_range"),
    "balance = -0.01": (CHECK, "account_within_limits"),
    "held = 10.01": (CHECK, "account_within_limits"),
    "held = -0.01": (CHECK, "held_range"),
    "held = 'NaN'": (CHECK, "held_range"),
    "minimum = 10.01": (CHECK, "account_within_limits"),
    "minimum = 'NaN'": (CHECK, "balance_range"),
    "maximum = 9.99": (CHECK, "account_within_limits"),
    "maximum = 'NaN'": (CHECK, "balance_range"),
    # numeric(8,2) has no room for these.
    "balance = 1000000": (TOO_LARGE, None),
    "balance = 999999.995": (TOO_LARGE, None),
    "balance = 'Infinity'": (TOO_LARGE, None),
    "entry_count = -1": (CHECK, "entry_count_range"),
    "email = 'ab'": (CHECK, "email_length"),
    "email = repeat('a', 255)": (CHECK, "email_length"),
    "id = 77": ("428C9", None),  # generated_always
    **{
        f"{column} = NULL": (NOT_NULL, column)
        for column in (
            "email",
            "balance",
            "ctime",
            "mtime",
            "entry_count",
            "frozen",
            "held",
            "minimum",
            "maximum",
        )
    },
}
# What a right transaction holds, and what stops one wrong value.
RIGHT = {
    "source_account_id": "1",
    "target_account_id": "2",
    "amount": "1.00",
    "ctime": "clock_timestamp()",
    "source_entry": "2",
    "target_entry": "2",
    "source_balance": "9.00",
    "target_balance": "11.00",
}
SOURCE = ("source_account_id", "source_entry", "source_balance")
TARGET = ("target_account_id", "target_entry", "target_balance")
TRANSACTION: list[tuple[dict[str, str], str, str | None]] = [
    *(({"amount": wrong}, CHECK, "amount_range") for wrong in ("'NaN'", "0", "0.004", "-1")),
    ({"amount": "1000000"}, TOO_LARGE, None),
    ({"target_account_id": "1"}, CHECK, "transaction_complete"),
    # Each side is complete or not there, and one of them is there.
    *(
        (dict.fromkeys(missing, "NULL"), CHECK, "transaction_complete")
        for a, b, c in (SOURCE, TARGET)
        for missing in ((a,), (b,), (c,), (a, b), (a, c), (b, c))
    ),
    (dict.fromkeys((*SOURCE, *TARGET), "NULL"), CHECK, "transaction_complete"),
    *(
        ({f"{side}_entry": wrong}, CHECK, "entry_number_range")
        for side in ("source", "target")
        for wrong in ("0", "-1")
    ),
    *(({f"{side}_balance": "'NaN'"}, CHECK, "balance_range") for side in ("source", "target")),
    ({"amount": "NULL"}, NOT_NULL, "amount"),
    ({"ctime": "NULL"}, NOT_NULL, "ctime"),
    ({"actor": "NULL"}, NOT_NULL, "actor"),
    # No side gives an entry's number out twice.
    ({"source_account_id": "3", "source_entry": "1", "target_entry": "1"}, UNIQUE, None),
]
REVERSAL = {
    "(2, 1)": (UNIQUE, "reversal_pkey"),
    "(3, 1)": (UNIQUE, "reversal_reverses_key"),
    "(3, 3)": (CHECK, "reversal_comes_later"),
    "(1, 3)": (CHECK, "reversal_comes_later"),
    "(77, 3)": (FOREIGN, "reversal_transaction_id_fkey"),
    "(3, 0)": (FOREIGN, "reversal_reverses_fkey"),
    "(3, NULL)": (NOT_NULL, "reverses"),
}
KEY = "INSERT INTO wallet.idempotency_key VALUES ('ada', {}, '', now())"
QUEUED = "VALUES ({}, 1, 2, {}, now()"
# Rows of the other tables.
OTHERS = {
    **{KEY.format(key): (CHECK, "idempotency_key_text_printable") for key in ("''", "E'k\\n'")},
    KEY.format("repeat('k', 256)"): (CHECK, "idempotency_key_text_printable"),
    KEY.format("NULL"): (NOT_NULL, "key"),
    f"INSERT INTO wallet.pending_transfer {QUEUED.format(5, 0)})": (CHECK, "amount_range"),
    f"INSERT INTO wallet.pending_transfer {QUEUED.format(4, 1)})": (
        UNIQUE,
        "pending_transfer_pkey",
    ),
    f"INSERT INTO wallet.failed_transfer {QUEUED.format(4, 1)}, '', '', '', '')": (
        *(UNIQUE, "failed_transfer_pkey"),
    ),
    f"INSERT INTO wallet.failed_transfer {QUEUED.format(5, -1)}, '', '', '', '')": (
        *(CHECK, "amount_range"),
    ),
    f"INSERT INTO wallet.failed_transfer {QUEUED.format(5, 1)}, '', '', '', NULL)": (
        *(NOT_NULL, "hint"),
    ),
}


def insert(values: dict[str, str]) -> str:
    columns, expressions = ", ".join(values), ", ".join(values.values())
    return f"INSERT INTO wallet.transaction ({columns}) VALUES ({expressions})"


@pytest.fixture
def writer(app: Connection, admin: Connection) -> Connection:
    open_accounts(app, "10", "10", "10")
    admin.execute("INSERT INTO wallet.reversal VALUES (2, 1)")
    admin.execute(f"INSERT INTO wallet.pending_transfer {QUEUED.format(4, 1)})")
    admin.execute(f"INSERT INTO wallet.failed_transfer {QUEUED.format(4, 1)}, '', '', '', '')")
    return admin


def test_no_writer_writes_a_wrong_row(writer: Connection) -> None:
    wrong: list[tuple[str, str, str | None]] = [
        *((f"UPDATE wallet.account SET {to} WHERE id = 1", *by) for to, by in ACCOUNT.items()),
        *((insert({**RIGHT, **values}), code, by) for values, code, by in TRANSACTION),
        *((f"INSERT INTO wallet.reversal VALUES {row}", *by) for row, by in REVERSAL.items()),
        *((statement, *by) for statement, by in OTHERS.items()),
        ("DELETE FROM wallet.account WHERE id = 1", "42501", None),
    ]
    before = ledger(writer)
    for role in ("postgres", "wallet_owner"):
        writer.execute(f"SET ROLE {role}")
        for statement, sqlstate, by in wrong:
            diagnostic = refusal(writer, statement)
            said = diagnostic.constraint_name or diagnostic.column_name
            assert diagnostic.sqlstate == sqlstate, statement
            assert by is None or said == by, statement
    writer.execute("RESET ROLE")
    assert ledger(writer) == before


def test_no_side_gives_an_entry_number_out_twice(writer: Connection) -> None:
    with writer.transaction(force_rollback=True):
        writer.execute(insert(RIGHT))
        for other, index in (
            ("target", "transaction_source_entry"),
            ("source", "transaction_target_entry"),
        ):
            with writer.transaction(force_rollback=True):
                diagnostic = refusal(writer, insert({**RIGHT, f"{other}_account_id": "3"}))
            assert (diagnostic.sqlstate, diagnostic.constraint_name) == (UNIQUE, index)
