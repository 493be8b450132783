# Everything a newcomer types: make demo, make test. Everything CI types: make check test.
# Each environment is made once per content of its lock file.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/project.lock
STAMP := $(VENV)/.stamp-$(shell cat $(LOCK) pyproject.toml 2>/dev/null | cksum | tr -d ' ')
PYTEST_WORKERS ?= 2

.PHONY: help setup demo test check format generate bench lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## the virtual environment, from the lock file

$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "stepsaga needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1 | head -n 1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up $(VENV) (once per lock file) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.stamp-*
	@touch $@

demo: setup  ## the reference saga: three orders, three endings
	@$(BIN)/python -m tools.demo

test: setup  ## the whole test suite
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile

check: setup  ## format, lint, types, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/stepsaga compile --check

format: setup  ## rewrite the sources as `make check` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: setup  ## everything that is generated and committed
	$(BIN)/stepsaga compile

bench: setup  ## the figures, measured here and now
	$(BIN)/python -m tools.bench

lock: setup  ## resolve the lock file anew
	$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra test --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header --upgrade --quiet --output-file $(LOCK)

clean:  ## remove what was made, environments included
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .stepsaga
