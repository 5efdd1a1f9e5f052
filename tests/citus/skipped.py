"""Tests that are left out on Citus, by where they begin, with the reason.

Either they are about one PostgreSQL, or what they show does not hold there; docs/scale.md has that.
"""

ONE_POSTGRESQL = "of one PostgreSQL's plans and files"
PLAN = "what the ledger's own plan makes; citus/ adds functions and replaces some"
ORDER = "a view has no order of its own there: ask with ORDER BY"
SKIPPED = {
    "tests/sql/test_catalogue.py::test_every_function_there_is": PLAN,
    "tests/sql/test_catalogue.py::test_the_functions_are_those": PLAN,
    "tests/sql/test_catalogue.py::test_the_owner_owns_everything": PLAN,
    "tests/sql/test_functions.py::test_each_file_has_its_function": PLAN,
    "tests/sql/test_functions.py::test_each_comment_is_the_first_sentence": PLAN,
    "tests/sql/test_functions.py::test_each_function_is_created": PLAN,
    "tests/sql/test_functions.py::test_plpgsql_check_finds_nothing": PLAN,
    "tests/sql/test_statement_cost.py::test_what_is_looked_for": ONE_POSTGRESQL,
    "tests/sql/test_views.py::test_size_per_transaction": "citus_tables has the sizes of shards",
    **{
        f"tests/sql/test_examples.py::test_a_walkthrough_prints_what_is_recorded[{number}": "what "
        "is printed has another order, and Citus's own notices"
        for number in range(2, 8)
    },
    "tests/sql/test_views.py::test_recent_transaction": ORDER,
    "tests/sql/test_views.py::test_largest_account": ORDER,
    "tests/sql/test_append_only.py::test_nobody_changes_history": "refused there as well, but a "
    "replica's role by the worker, with other words",
    "tests/sql/test_constraints.py::test_no_writer_writes_a_wrong_row": "refused there as well, "
    "but a worker's error does not name the constraint",
    "tests/sql/test_constraints.py::test_no_side_gives": "no index guards it there, but "
    "the account's lock: docs/scale.md",
    "tests/sql/test_append_only.py::test_a_superuser_who": "it is a superuser's MERGE, and "
    "Citus bounds what a MERGE may join",
    "tests/sql/test_idempotency.py::test_a_key_works_in_each_isolation_level": "each node has a "
    "snapshot of its own",
    "tests/sql/test_privileges.py::test_each_role_is_denied": "all is refused there as well, but "
    "some of it by Citus, in its own words",
    "tests/sql/test_privileges.py::test_a_dba_may_grant": "it takes a role by SET LOCAL, and "
    "Citus has the workers take it too, where wallet_owner may not",
    "tests/sql/test_queue.py::test_what_cannot_be_processed": "a superuser makes a trigger and the "
    "owner moves money in one transaction, which Citus refuses",
    "tests/http/test_queue.py::test_a_wait_is_no_longer": "beside others a wait may take twice "
    "as long there, and so longer than a call may: docs/scale.md",
    "tests/http/test_groups.py::test_an_account_that_was_taken": "it counts one PostgreSQL's waits",
    "tests/http/test_console.py::test_an_operator_sees_who_waits": "account_wait names no account "
    "there: docs/scale.md",
    "tests/sql/test_groups.py::test_ten_thousand_keys": ONE_POSTGRESQL,
    "tests/sql/test_audit.py::test_damage_is_found": "a superuser damages and the owner audits in "
    "one transaction, which shows neither to the other there",
    "tests/concurrency/test_waiting.py::test_the_lower_id_is_locked_first_whichever_way_the_money_"
    "goes[transfer_or_enqueue": "it keeps accounts locked while it waits there: docs/scale.md",
    "tests/concurrency/test_waiting.py::test_a_batch_decides": "a batch keeps accounts locked "
    "while it waits there: docs/scale.md",
    "tests/concurrency/test_groups.py::test_a_group_that_may_wait_for_ever": "a group waits for "
    "its first request alone there: docs/scale.md",
    "tests/concurrency/test_groups.py::test_a_wait_for_accounts_ends": "a worker ends each wait by "
    "itself, in PostgreSQL's words",
    "tests/concurrency/test_queue.py::test_what_moves": "each node has a snapshot of its own",
    "tests/concurrency/test_queue.py::test_what_was_answered_before": "the queue is read shard by "
    "shard there: docs/scale.md",
    "tests/concurrency/test_transfers.py::test_one_account": "it reads balances and entries in "
    "one snapshot, which no two nodes have in common",
    "tests/concurrency/test_account_wait.py": "account_wait names no account there",
}
