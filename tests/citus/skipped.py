"""Tests that are left out on Citus, by where they begin, with the reason.

Either they are about one PostgreSQL, or what they show does not hold there; docs/scale.md has that.
"""

TRIGGER = "it makes a trigger of its own, on the coordinator alone"
ONE_POSTGRESQL = "of one PostgreSQL's plans, catalogue and files, which the ledger's own plan makes"
SKIPPED = {
    "tests/sql/test_catalogue.py": ONE_POSTGRESQL,
    "tests/sql/test_functions.py": ONE_POSTGRESQL,
    "tests/sql/test_statement_cost.py": ONE_POSTGRESQL,
    "tests/sql/test_views.py::test_size_per_transaction": "citus_tables has the sizes of shards",
    "tests/sql/test_examples.py": "what is printed has another order, and Citus's own notices",
    "tests/sql/test_views.py": "a view has no order of its own there: ask with ORDER BY",
    "tests/sql/test_append_only.py::test_nobody_changes_history": "refused there as well, but a "
    "replica's role by the worker, with other words",
    "tests/sql/test_constraints.py::test_no_writer_writes_a_wrong_row": "refused there as well, "
    "but a worker's error does not name the constraint",
    "tests/sql/test_constraints.py::test_no_side_gives": "no index guards it there, but "
    "the account's lock: docs/scale.md",
    "tests/sql/test_annotations.py::test_a_queued": TRIGGER,
    "tests/sql/test_append_only.py::test_a_superuser_who": "it is a superuser's MERGE, and "
    "Citus bounds what a MERGE may join",
    "tests/sql/test_idempotency.py::test_a_key_works_in_each_isolation_level": "each node has a "
    "snapshot of its own",
    "tests/sql/test_privileges.py": "roles of a test, and what a session's role is, are not on the "
    "workers",
    "tests/sql/test_queue.py::test_what_cannot_be_processed": TRIGGER,
    "tests/http/test_groups.py::test_a_failure_in_a_group": TRIGGER,
    "tests/http/test_queue_worker.py::test_a_transfer_that_always_raises": TRIGGER,
    "tests/http/test_groups.py::test_an_account_that_was_taken": "it counts one PostgreSQL's waits",
    "tests/http/test_console.py::test_an_operator_sees_who_waits": "account_wait names no account "
    "there: docs/scale.md",
    "tests/sql/test_groups.py::test_ten_thousand_keys": ONE_POSTGRESQL,
    "tests/sql/test_audit.py::test_damage_is_found": "a superuser damages and the owner audits in "
    "one transaction, which shows neither to the other there",
    "tests/concurrency/test_waiting.py::test_a_batch_decides": "a batch keeps accounts locked "
    "while it waits there: docs/scale.md",
    "tests/concurrency/test_everything_at_once.py": "Citus has cancelled a group there with 40P01: "
    "docs/scale.md",
    "tests/concurrency/test_groups.py::test_a_group_that_may_wait_for_ever": "a group waits for "
    "its first request alone there: docs/scale.md",
    "tests/concurrency/test_groups.py::test_a_wait_for_accounts_ends": "a worker ends each wait by "
    "itself, in PostgreSQL's words",
    "tests/concurrency/test_idempotency.py::test_a_call_that_is_ended": "a session's lock_timeout "
    "does not reach the workers: docs/scale.md",
    "tests/concurrency/test_queue.py::test_what_moves": "each node has a snapshot of its own",
    "tests/concurrency/test_queue.py::test_what_was_answered_before": "the queue is read shard by "
    "shard there: docs/scale.md",
    "tests/concurrency/test_transfers.py::test_one_account": "it reads balances and entries in "
    "one snapshot, which no two nodes have in common",
    "tests/concurrency/test_account_wait.py": "account_wait names no account there",
}
