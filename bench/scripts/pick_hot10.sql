-- Two of ten accounts.
\set source random(1, 10)
\set target 1 + (:source - 1 + random(1, 9)) % 10
\set amount random(1, 9999)
