# Everything a newcomer types: make demo, make test. Everything CI types: make check test.
# Each environment is made once per content of its lock file. There are three, because their pins do
# not go together: the project's, SAM CLI's, and MiniStack's. The last two are run as processes only.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/project.lock
SAM := .venv-sam
MINISTACK := .venv-ministack
PYTEST_WORKERS ?= 3
VERIFY_WORKERS ?= 2

sum = $(shell cat $(1) 2>/dev/null | cksum | tr -d ' ')
STAMP := $(VENV)/.stamp-$(call sum,$(LOCK) pyproject.toml)
SAM_STAMP := $(SAM)/.stamp-$(call sum,requirements/sam.lock)
MINISTACK_STAMP := $(MINISTACK)/.stamp-$(call sum,requirements/ministack.lock)
PIP := -m pip install --quiet --disable-pip-version-check

.PHONY: help setup stack browser demo chaos events test verify nightly check format generate bench lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## the project's virtual environment, from its lock file

stack: $(STAMP) $(SAM_STAMP) $(MINISTACK_STAMP)  ## all three environments

$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "stepsaga needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1 | head -n 1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up $(VENV) (once per lock file) ..." >&2
	@$(BIN)/python $(PIP) --require-hashes -r $(LOCK)
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.stamp-*
	@touch $@

$(SAM_STAMP): requirements/sam.lock | $(STAMP)
	$(call environment,$(SAM),$<)

$(MINISTACK_STAMP): requirements/ministack.lock | $(STAMP)
	$(call environment,$(MINISTACK),$<)

define environment
	@test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
	@echo "setting up $(1) (once per lock file) ..." >&2
	@$(1)/bin/python $(PIP) --no-deps --require-hashes -r $(2)
	@rm -f $(1)/.stamp-*
	@touch $@
endef

browser: setup  ## Playwright for the tests of pages in a browser; chromium itself is apt's
	$(BIN)/python $(PIP) --require-hashes -r requirements/browser.lock

demo: stack  ## the whole stack on this machine: three orders, three endings
	@$(BIN)/python -m tools.demo

chaos: stack  ## 300 sagas at once on this machine while everything goes wrong: some ten minutes
	@$(BIN)/python -m tools.chaos $(CHAOS)

events: stack  ## 1,000 events for 1,000 sagas that wait, all at once, on this machine
	@$(BIN)/python -m tools.events $(if $(SAGAS),--sagas $(SAGAS)) $(EVENTS)

test: stack  ## the whole test suite
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadscope --no-loadscope-reorder

verify: setup  ## everything that can go wrong in the reference sagas
	$(BIN)/stepsaga verify --jobs $(VERIFY_WORKERS) --junit verify-stub.xml
	$(BIN)/stepsaga verify --jobs $(VERIFY_WORKERS) --handlers real --junit verify-real.xml

nightly: setup  ## 2,000 generated sagas with every fault; SAGAS=10 FROM=0 SEED=0 WORKERS=2 CHILDREN=1
	@$(BIN)/python -m tests.language.nightly $(if $(SAGAS),--sagas $(SAGAS)) $(if $(FROM),--from $(FROM)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(CHILDREN),--children $(CHILDREN))

check: setup  ## format, lint, types, generated files, releases
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/stepsaga compile --check
	$(BIN)/stepsaga template --check
	$(BIN)/stepsaga diff
	$(BIN)/cfn-lint template.yaml

format: setup  ## rewrite the sources as `make check` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: setup  ## everything that is generated and committed
	$(BIN)/stepsaga compile
	$(BIN)/stepsaga template

bench: setup  ## the figures, measured here and now
	$(BIN)/python -m tools.bench

lock: setup  ## resolve the lock files anew
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python $(PIP) uv
	$(UV) pyproject.toml --extra test --group dev --output-file $(LOCK)
	$(UV) requirements/layer.in --constraint $(LOCK) $(addprefix --no-emit-package ,$(IN_LAMBDA)) \
	  --output-file requirements/layer.lock
	cp requirements/layer.lock stepsaga/cli/project/requirements/layer.lock.tmpl
	$(UV) requirements/sam.in --output-file requirements/sam.lock
	$(UV) requirements/ministack.in --output-file requirements/ministack.lock
	$(UV) requirements/browser.in --constraint $(LOCK) --output-file requirements/browser.lock

UV := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
  --no-header --upgrade --quiet
# What Lambda's runtime brings: it is not in the layer.
IN_LAMBDA := boto3 botocore s3transfer urllib3 python-dateutil six

# What `sam build` calls for each layer and function, with the folder to fill.
build-%: setup
	@$(BIN)/stepsaga build $* --into "$(ARTIFACTS_DIR)"

clean:  ## remove what was made, environments included
	rm -rf $(VENV) $(SAM) $(MINISTACK) .mypy_cache .ruff_cache .pytest_cache .hypothesis .stepsaga .aws-sam verify-*.xml
