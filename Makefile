# Refill's commands. Each does its own set-up: a machine with Python 3.11+ and make is enough.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 3
STORIES ?= 2000
SEED ?= 1
ROWS ?= 1000000

# A run starts Python a hundred times: what is compiled is kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run example test check lint types collected proof prove-cases prove-model prove-concurrency prove-api check-mutants bench pictures lock clean

help: ## What can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp ## Serve Refill on 127.0.0.1:8000 with a demo user and a simulated Stripe
	@exec $(BIN)/python -m webapp.devserver

example: $(VENV)/run.stamp ## Meter the calls of a small product, with a Refill of its own; ARGS=--once ends after them
	@exec $(BIN)/python -m examples.voice_calls $(ARGS)

test: $(VENV)/dev.stamp ## Run every check and the tests: both databases and the browser; big grids by a fixed sample
	@bash tests/support/prepare.sh
	@$(MAKE) --no-print-directory -j 2 check collected
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: lint types ## Lint, types, templates, and models against migrations

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint --check --lint --quiet webapp/templates
	$(BIN)/python -m tests.support.check_migrations

types: $(VENV)/dev.stamp
	$(BIN)/mypy

# Compiles the tests once, beside the checks: else each of the workers does. What is wrong with them is said by the run.
collected: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest --collect-only -q >/dev/null 2>&1 || true

proof: prove-cases prove-model prove-concurrency prove-api check-mutants ## All of the long proofs: stories, races and kills, planted bugs

prove-model: $(VENV)/dev.stamp ## Tell 2,000 random stories to the ledger and to its model on each database (STORIES=, SEED=)
	@echo "Seed $(SEED), $(STORIES) stories on each database. 2,000 take about an hour on two free cores."
	REFILL_STORIES=$(STORIES) REFILL_SPLITS=25 $(BIN)/python -m pytest -n $(WORKERS) --all-cases --hypothesis-seed=$(SEED) \
		tests/ledger/test_model.py tests/ledger/test_takeback_orders.py tests/ledger/test_refund_shares.py

prove-cases: $(VENV)/dev.stamp ## Run every test with every case on both databases, and each state of a page in every look
	@bash tests/support/prepare.sh
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --all-cases

prove-api: $(VENV)/dev.stamp ## Ask each operation of the API 400 times whatever its document allows, and what it doesn't
	$(BIN)/python -m pytest -n $(WORKERS) tests/api/test_whatever_is_allowed.py --all-rounds

check-mutants: $(VENV)/dev.stamp ## Plant logic bugs in a copy of the ledger; the model test must catch each
	$(BIN)/python -m tests.ledger.mutants

prove-concurrency: $(VENV)/dev.stamp ## Run 50 rounds of every race, more kills, every order and every line, on both databases
	$(BIN)/python -m pytest -n $(WORKERS) --all-rounds tests/reliability tests/billing/test_orders.py \
		tests/billing/test_every_line.py tests/billing/test_money_back_orders.py tests/billing/test_money_back_failing.py \
		tests/billing/test_money_back_model.py tests/billing/test_refunding.py \
		tests/billing/test_plan_orders.py tests/billing/test_plan_model.py tests/billing/test_plan_every_line.py

bench: $(VENV)/dev.stamp ## Measure against bare contenders, alternated in one run; ROWS=50000 for a quick look
	$(BIN)/python -m bench --entries $(ROWS)

lock: ## Write the lock files anew (hashes, no addresses)
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --upgrade --extra postgres --extra redis pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --upgrade --extra postgres --extra redis --group dev pyproject.toml -o requirements-dev.lock

clean: ## Remove what `make` made, except .env and the database
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/npm/node_modules

$(VENV)/bin/python:
	@if command -v uv >/dev/null; then uv venv -q $(VENV); else $(PYTHON) -m venv $(VENV); fi

$(VENV)/run.stamp: requirements.lock | $(VENV)/bin/python
	@$(call install,requirements.lock)
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock | $(VENV)/bin/python
	@$(call install,requirements-dev.lock)
	@touch $@

define install
if command -v uv >/dev/null; then uv pip install -q --python $(BIN)/python --require-hashes -r $(1); else $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1); fi
endef
