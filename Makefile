# Every task sets up what it needs: a machine with Python 3.11 and make is enough.

PYTHON ?= $(firstword $(shell command -v python3.11 python3 2>/dev/null))
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEMO   := ./demo-data
PYTEST_ARGS ?= -n auto

.DEFAULT_GOAL := help
.PHONY: help setup demo test nightly check e2e docs bench fmt clean

help:  ## list the tasks
	@grep -E '^[a-z0-9]+:.*##' Makefile | sed -E 's/^([a-z0-9]+):.*## /\1\t/' | expand -t 10

setup: $(READY)  ## make .venv with everything that check, test and bench need

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed: apt-get install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11: set PYTHON=…" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "python -m venv failed: apt-get install python3-venv" >&2; exit 1; }
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(READY)  ## simulated shoppers through the real API, then the report beside the truth
	$(BIN)/rankloop demo --once --data $(DEMO)

test: $(READY)  ## every test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

nightly: $(READY)  ## every test, with those that take minutes, and properties tried 2,000 times
	$(BIN)/python -m pytest --nightly --hypothesis-profile=night $(PYTEST_ARGS)

e2e: $(READY)  ## the tests that walk the whole road
	$(BIN)/python -m pytest tests/e2e tests/test_readme.py $(PYTEST_ARGS)

check: $(READY)  ## form, types, floors, spelling, links
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python -m pytest -q tests/architecture

docs: $(READY)  ## write the pages that are made from code; try every link
	$(BIN)/python -m pytest -q tests/architecture/test_documents.py \
	  tests/architecture/test_references.py --update-golden

bench: $(READY)  ## the figures of docs/benchmarks.md, beside what a team would use instead
	$(BIN)/rankloop bench capture --against fastapi
	$(BIN)/rankloop bench analytics --against sql
	$(BIN)/rankloop bench bias --against pyclick-like
	$(BIN)/rankloop bench search --against sql

fmt: $(READY)  ## format, and mend what can be mended
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

clean:  ## remove what these tasks made
	rm -rf $(VENV) $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
