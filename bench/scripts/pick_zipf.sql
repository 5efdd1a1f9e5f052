-- Few accounts take part in many transfers: the exponent is the least that pgbench takes. The busy
-- ones lie scattered over the table.
\set source 1 + permute(random_zipfian(1, :accounts, 1.001), :accounts)
\set target 1 + permute(random_zipfian(1, :accounts, 1.001), :accounts)
\set target case when :target = :source then :target % :accounts + 1 else :target end
\set amount random(1, 9999)
