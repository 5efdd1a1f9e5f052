# `make` alone prints what there is to make.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# Three workers for two cores, since many tests wait; each has a server of its own. One that is idle
# takes over what waits for another. ARGS=-n0 runs the tests in one process.
WORKERS := $(shell echo $$((($$(getconf _NPROCESSORS_ONLN) * 3 + 1) / 2)))
PYTEST := $(BIN)/pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal
TEST15 := tests/sql tests/migrations tests/concurrency/test_transfers.py tests/http/test_tls.py \
	--ignore=tests/sql/test_ledger_model.py
TEST_CONTAINERS := tests/containers client/tests/test_container.py tests/sql/test_examples.py

.PHONY: help run test test15 test-containers faults faults-quick bench bench-quick lint format psql key \
	audit citus images up down reset docs lock clean

help:  ## Print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.run  ## Start PostgreSQL, deploy the schema, serve on 127.0.0.1:8000
	@exec $(BIN)/python -m tools.run

test: .venv/.dev  ## Run the tests on embedded servers (ARGS='tests/sql -k rounding' runs some of them)
	@[ -n "$(ARGS)" ] || echo "All tests take about 4 minutes on two idle cores."
	@$(PYTEST) --ignore=tests/faults $(ARGS)

test15: .venv/.dev  ## Run what depends on PostgreSQL's version on Debian's PostgreSQL 15
	@tools/postgresql15 $(PYTEST) $(or $(ARGS),$(TEST15))

test-containers: .venv/.dev  ## Run what depends on containers: Compose, and a few tests on postgres:18
	@WALLET_TEST_DATABASE=testcontainers $(PYTEST) --dist loadfile $(or $(ARGS),$(TEST_CONTAINERS))

faults: .venv/.dev  ## Kill, freeze, cut and fill while there is load; writes docs/reliability.md (6 minutes)
	@$(BIN)/pytest tests/faults $(ARGS)

faults-quick: .venv/.dev  ## The most telling faults alone, in 90 seconds; writes nothing
	@$(BIN)/pytest tests/faults -m short $(ARGS)

bench: .venv/.bench  ## Measure against what one would build otherwise; writes bench/report.md (16 minutes)
	@exec $(BIN)/python -m bench $(ARGS)

bench-quick: .venv/.bench  ## The same in 2.5 minutes, rougher; writes to .bench-quick
	@exec $(BIN)/python -m bench --quick

lint: .venv/.dev  ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

format: .venv/.dev  ## Format the Python code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

psql: .venv/.run  ## Open psql on what `make run` uses (as wallet_reader; ROLE=postgres for all rights)
	@exec $(BIN)/python -m tools.psql $(ROLE)

key: .venv/.run  ## Make an API key and show it once: NAME=shop SCOPES=read,write [EXPIRES='90 days']
	@$(BIN)/python -m tools.psql key '$(NAME)' '$(SCOPES)' '$(EXPIRES)'

audit: .venv/.run  ## Check the whole ledger of `make run`; exit code 1 on a violation
	@$(BIN)/python -m tools.psql audit

citus:  ## Deploy the ledger on the Citus that PGHOST, PGUSER and PGDATABASE name: docs/scale.md
	@psql -XAtc "SELECT 1 FROM pg_roles WHERE rolname = 'wallet_owner'" | grep -q 1 || \
	  sqitch deploy --to-change roles db:pg:
	@PGOPTIONS='-c citus.enable_ddl_propagation=off' sqitch deploy db:pg:
	@cd citus && sqitch deploy db:pg:

images:  ## Build all images: pgwallet-service and so on
	@for target in service migrate edge standalone; do \
	  docker build --quiet --target $$target --tag pgwallet-$$target . || exit; \
	done

up:  ## Start PostgreSQL, the migration, the service and nginx with Docker Compose
	@tools/passwords
	@docker compose up --build --wait
	@tools/first-key
	@echo "API        https://$$(docker compose port edge 8443)"
	@echo "trust      docker compose exec edge cat /tls/tls.crt > tls.crt; curl --cacert tls.crt …"
	@echo "psql       docker compose exec db psql"

down:  ## Stop what `make up` started; the data stays
	@docker compose down

reset: .venv/.run  ## Remove the data folder of `make run`, and all money in it
	@$(BIN)/python -m tools.run reset

docs: .venv/.dev  ## Write what is generated: sql/schema.sql, examples' output, docs/{functions,errors}.md
	@$(BIN)/python -m tools.docs

lock: .venv/.dev  ## Pin the newest versions of all dependencies, with hashes
	@$(BIN)/python -m tools.lock

clean:  ## Remove the virtual environment and caches; the data folder of `make run` stays
	@rm -rf .venv .bench-quick .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.run: requirements/run.txt tools/setup
	@PYTHON=$(PYTHON) tools/setup run
	@touch $@

.venv/.dev: requirements/dev.txt tools/setup
	@PYTHON=$(PYTHON) tools/setup dev
	@touch $@ .venv/.run

.venv/.bench: requirements/bench.txt tools/setup
	@PYTHON=$(PYTHON) tools/setup bench
	@touch $@ .venv/.run
