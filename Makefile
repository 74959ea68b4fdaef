# Everything a person or a machine does with this repository begins here. `make` alone explains itself.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PACKAGES := protos ingest-service notify-service sandbox
SETUP := $(VENV)/.ready

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(SETUP) ## Make the virtual environment with everything pinned (other targets do it by themselves)

$(SETUP): requirements.lock $(PACKAGES:%=%/pyproject.toml)
	@PYTHON=$(PYTHON) VENV=$(VENV) sandbox/setup-venv requirements.lock $(PACKAGES)
	@touch $@

.PHONY: run
run: $(SETUP) ## Run everything on this machine: opens one address, leaves nothing behind
	@exec $(BIN)/paybell-sandbox run --with-parent

.PHONY: up
up: ## Bring up the compose stack: with the keys in .env, else with the sandbox
	@PYTHON=$(PYTHON) compose/stack up

.PHONY: down
down: ## Take the compose stack down (its data stays)
	@PYTHON=$(PYTHON) compose/stack down

.PHONY: smoke
smoke: $(SETUP) ## Drive one message through whatever stack is up (real keys: SMOKE_TO=+…)
	@$(BIN)/paybell-sandbox smoke

.PHONY: test
test: $(SETUP) ## Run all tests
	@$(BIN)/python -m pytest $(TESTS)

.PHONY: mutants
mutants: $(SETUP) ## Take one guard after the other out of a copy; each must turn a named test red (one: NAME=…)
	@$(BIN)/python tests/mutants/run.py $(NAME)

.PHONY: lint
lint: $(SETUP) ## Run ruff, mypy, the import contracts and buf lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint protos

.PHONY: proto
proto: $(SETUP) ## Regenerate protos/gen from the .proto files
	@protos/generate $(BIN) protos/gen

.PHONY: proto-check
proto-check: $(SETUP) ## Fail where protos/gen is not what the .proto files give
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; protos/generate $(BIN) "$$fresh"; diff -r -x __pycache__ -x '*.egg-info' protos/gen "$$fresh"

.PHONY: docs
docs: $(SETUP) ## Write docs/flows.md anew from the rules, the texts and docs/flows/
	@$(BIN)/python -m docs.flowpage

.PHONY: docs-check
docs-check: $(SETUP) ## Fail where docs/flows.md is not what the rules and texts give
	@$(BIN)/python -m docs.flowpage --check

.PHONY: lock
lock: $(SETUP) ## Make the locks anew from requirements.in (all versions newer: make lock UPGRADE=--upgrade)
	$(BIN)/uv pip compile $(UPGRADE) --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" requirements.in -o requirements.lock
	@for package in ingest-service notify-service sandbox; do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	    --no-emit-package paybell-protos --extra build --constraints requirements.lock --custom-compile-command "make lock" \
	    $$package/pyproject.toml -o $$package/requirements.lock; done
