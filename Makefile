# `make` alone prints what there is to make.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run test test15 bench bench-quick lint format psql audit up schema examples lock clean

help:  ## Print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.run  ## Start PostgreSQL, deploy the schema, serve on 127.0.0.1:8000
	@exec $(BIN)/python -m tools.run

test: .venv/.dev  ## Run all tests (in containers if Docker answers; else on an embedded server)
	@$(BIN)/pytest $(ARGS)

test15: .venv/.dev  ## Test what depends on PostgreSQL's version, on Debian's PostgreSQL 15 (pgTAP too)
	@tools/postgresql15 $(BIN)/pytest tests/sql tests/migrations tests/concurrency $(ARGS)

bench: .venv/.bench  ## Measure against what one would build otherwise; writes bench/report.md (10 minutes)
	@exec $(BIN)/python -m bench

bench-quick: .venv/.bench  ## The same in less than 2 minutes, rougher; writes to .bench-quick
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

audit: .venv/.run  ## Check the whole ledger of `make run`; exit code 1 on a violation
	@$(BIN)/python -m tools.psql audit

up:  ## Start PostgreSQL, the migration and the service with Docker Compose
	@docker compose up --build --wait

schema: .venv/.dev  ## Write sql/schema.sql anew from what deploys
	@$(BIN)/python -m tools.schema

examples: .venv/.dev  ## Record what the walkthroughs of sql/examples print
	@$(BIN)/python -m tools.examples

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
