-- Two of :accounts accounts, each as likely as the other.
\set source random(1, :accounts)
\set target 1 + (:source - 1 + random(1, :accounts - 1)) % :accounts
\set amount random(1, 9999)
