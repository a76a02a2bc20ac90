# `make help` lists the targets. Python 3.11-3.13 and make are all that must be there.
SHELL := /bin/sh
BIN := .venv/bin
STAMP := .venv/.installed
MANIFEST := dbt_project/target/manifest.json
DBT_FILES := $(shell find dbt_project -type f \( -name '*.sql' -o -name '*.yml' -o -name '*.csv' \) -not -path 'dbt_project/target/*' 2>/dev/null)
LOCKER := $(BIN)/uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links
# one more than there are cores: the end-to-end tests mostly wait for Airflow
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1)

.DEFAULT_GOAL := help
.PHONY: help setup lock demo down test test-fast test-slow lint lint-python lint-types lint-layers lint-yaml lint-sql format bench bench-identity bench-ingest docs clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) $(MANIFEST)  ## make .venv from the committed lock

$(STAMP): requirements.txt pyproject.toml .ci/setup
	@sh .ci/setup
	@touch $@

$(MANIFEST): $(STAMP) $(DBT_FILES)
	@$(BIN)/dbt --quiet parse --project-dir dbt_project --profiles-dir dbt_project
	@touch $@

lock: $(STAMP)  ## compile requirements.in to requirements.txt
	$(LOCKER) --custom-compile-command "make lock" --quiet requirements.in -o requirements.txt

demo: setup  ## start everything, run the nightly path once, show the result (DEMO_CUSTOMERS=20000)
	@$(BIN)/customer360 demo

down:  ## stop what demo started
	@if [ -x $(BIN)/customer360 ]; then $(BIN)/customer360 down; fi

test: setup  ## lint, types, and the tests, in parallel
	@$(MAKE) --no-print-directory -j3 lint
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not broad"

test-fast: setup  ## the tests that take less than half a minute each
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow and not broad"

test-slow: setup  ## the broad runs that `make test` leaves out (C360_PEOPLE_FOLDERS: people files with known truth)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m broad

lint: lint-python lint-types lint-layers lint-yaml lint-sql  ## all linters

lint-python: setup  ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

lint-types: setup  ## mypy, strict
	@$(BIN)/mypy

lint-layers: setup  ## who may import whom
	@$(BIN)/lint-imports --no-logo

lint-yaml: setup  ## yamllint
	@$(BIN)/yamllint --strict .

lint-sql: setup  ## sqlfluff over the dbt models
	@$(BIN)/python .ci/with_warehouse.py $(BIN)/sqlfluff lint --processes 0 --disable-progress-bar dbt_project

format: setup  ## put the code into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench-identity: setup  ## matching files of people, ours and the specialists in one run (C360_PEOPLE_FOLDERS)
	@$(BIN)/python -m benchmarks.identity

bench-ingest: setup  ## source to raw, gate included: rows against dlt, a bare COPY and a bare upsert; JSON events
	@$(BIN)/python -m benchmarks ingest_shop ingest_events

bench: setup  ## what we claim about speed, ours and the peers in one run
	@$(BIN)/python -m benchmarks

docs: setup  ## write the files that are made from the contracts
	@$(BIN)/customer360 contracts data-map
	@$(BIN)/customer360 contracts sources

clean:  ## remove .venv and what tools keep; state in .c360 stays
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis dbt_project/target dbt_project/logs customer360.egg-info
