# `make run` and `make test` set up what they need in .venv; the second time they start at once.
#
#   make run                                    run examples/hello.yaml
#   make run ARGS="run examples/release.yaml"   any other proc-tui command
#   make test                                   the whole suite, then once more in always-suspend mode
#   make test TESTS=tests/core/journal          a part of it
#   make check                                  lint, format, types, import contracts, generated docs, wheel contents
#   make fix | docs | bench | clean
#
# PYTHON=python3.13 chooses the interpreter; an active virtual environment is used instead of .venv.

FIRST := run examples/hello.yaml
ARGS ?= $(FIRST)
TESTS ?=
# One more than there are processors: tests in a terminal mostly wait.
JOBS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
PYTEST_ARGS ?=
BENCH_ARGS ?=

VENV := $(or $(VIRTUAL_ENV),.venv)
BIN := $(VENV)/bin
RUNS := $(VENV)/.proc-tui-runs
DEVELOPS := $(VENV)/.proc-tui-develops
RECENT := import sys; sys.exit(sys.version_info < (3, 11))
PYTEST := $(BIN)/pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

ifndef PYTHON
PYTHON := $(or $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c '$(RECENT)' 2>/dev/null && echo $$python && break; done),python3)
endif

.DEFAULT_GOAL := run
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: run test test-once test-suspend check lint types contracts docs docs-check wheel fix bench clean

run: $(RUNS)
	@$(BIN)/proc-tui $(ARGS)
	$(if $(filter-out $(FIRST),$(ARGS)),,@echo "Next: $(BIN)/proc-tui demo")

test: test-once test-suspend

test-once: $(DEVELOPS)
	$(PYTEST) --slow-gate $(TESTS)

# Every operation suspends the run and resumes it in a fresh Lua state from the journal. Exit code 5 of pytest means that
# none of TESTS is about runs.
test-suspend: $(DEVELOPS)
	PROC_TUI_SUSPEND=always $(PYTEST) -m "not packaging and not screen" $(TESTS) || [ $$? -eq 5 ]

check: lint types contracts docs-check wheel

lint: $(DEVELOPS)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(DEVELOPS)
	$(BIN)/basedpyright --pythonpath $(BIN)/python

contracts: $(DEVELOPS)
	$(BIN)/lint-imports --no-cache

docs: $(DEVELOPS)
	$(BIN)/python docs/generate.py

docs-check: $(DEVELOPS)
	$(BIN)/python docs/generate.py --check

wheel: $(DEVELOPS)
	$(BIN)/pytest -q tests/test_wheel.py -m "not slow"

fix: $(DEVELOPS)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(RUNS)
	$(BIN)/python benchmarks $(BENCH_ARGS)

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "proc-tui needs Python 3.11 or newer, and \"$(PYTHON)\" is not a command here."; \
		  echo "Install Python, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c '$(RECENT)' || \
		{ echo "proc-tui needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
		  echo "Name a newer one: make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make virtual environments: its venv module is missing."; \
		  echo "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

define install
	@$(BIN)/python -c '$(RECENT)' || \
		{ echo "proc-tui needs Python 3.11 or newer, and $(VENV) has $$($(BIN)/python --version 2>&1)."; \
		  echo "Remove or deactivate it, then: make PYTHON=python3.13"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '$(1)'
endef

$(RUNS): pyproject.toml | $(BIN)/python
	$(call install,.)
	@touch $@

$(DEVELOPS): pyproject.toml | $(BIN)/python
	$(call install,.[dev])
	@touch $(RUNS) $@
