-- Revert pgwallet_citus:tables from pg

-- Citus can make a table local again, but drops each function that takes its row type for that.
DO $$
BEGIN
    RAISE EXCEPTION 'a distributed ledger is not brought back in place'
        USING HINT = 'Restore a dump of the coordinator''s database on one PostgreSQL, without the '
            'changes of citus/: docs/scale.md.';
END
$$;
