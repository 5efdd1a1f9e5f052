-- Everybody pays one account: cents, so that it can hold what it gets.
\set source random(2, :accounts)
\set target 1
\set amount random(1, 99)
