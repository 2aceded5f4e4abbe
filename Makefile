# `make demo` and `make test` each do all set-up first. `make` alone explains the commands.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test campaign properties examples check format lock up down

help: ## explain the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/.done ## make .venv with everything in requirements.lock

.venv/.done: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Odograph needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	$(BIN)/python -m flows.warming
	@touch $@

demo: setup ## run the whole line on this machine, from vans to report
	$(BIN)/odograph demo

test: setup ## run the tests, some five minutes on two processors
	$(BIN)/python -m pytest

campaign: setup .venv/.campaign ## run the long tests, which `make test` leaves out: some ten minutes
	$(BIN)/python -m pytest -m campaign

.venv/.campaign: tests/requirements.lock .venv/.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

properties: setup ## try properties of kernels and decoders on twenty times as many examples
	$(BIN)/python -m pytest -m 'hypothesis and not campaign' --hypothesis-profile=long tests/kernels tests/ingest

examples: setup .venv-examples/.done ## run the examples of docs/tools.md and compare what they print (1.4 GB, once)
	$(BIN)/python -m examples.run

.venv-examples/.done: examples/requirements.lock
	$(PYTHON) -m venv .venv-examples
	.venv-examples/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

check: setup ## linter, formatter, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup ## put code into the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## write all requirements.lock anew (needs uv): versions and hashes, no addresses
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-annotate --no-header --no-strip-extras --upgrade --quiet -o requirements.lock
	$(PYTHON) .ci/lock_extras.py requirements.lock
	uv pip compile pyproject.toml deploy/requirements.in --constraint requirements.lock --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --no-header --no-strip-extras --quiet -o deploy/requirements.lock
	$(PYTHON) .ci/lock_extras.py deploy/requirements.lock
	uv pip compile tests/requirements.in --constraint requirements.lock --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --no-header --no-strip-extras --quiet -o tests/requirements.lock
	$(PYTHON) .ci/lock_extras.py tests/requirements.lock
	uv pip compile examples/requirements.in --universal --python-version 3.11 --generate-hashes \
	    --no-annotate --no-header --no-strip-extras --upgrade --quiet -o examples/requirements.lock
	$(PYTHON) .ci/lock_extras.py examples/requirements.lock

up: ## start the line in containers and say what to do next; PROFILES=dev adds a mail catcher and a simulator's key, s3 an object store
	@$(if $(PROFILES),COMPOSE_PROFILES=$(PROFILES)) $(PYTHON) deploy/up.py up

down: ## stop the containers; the data volumes stay
	@$(PYTHON) deploy/up.py down
