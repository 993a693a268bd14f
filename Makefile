.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV ?= .venv
# What the jobs of `make test-jobs` run on: PyTorch takes its time to be fetched.
JOBS ?= .venv-jobs
BIN := $(VENV)/bin
# Brings a Docker engine, Compose v2 and a base image where the machine has none, and takes the engine away again.
WITH_ENGINE := tests/machine/with-engine.sh
PYTEST := $(BIN)/pytest
SCRIPTS := $(shell find dockerfiles -name '*.sh')
ARGS ?=
# The Pythons of `make test-pythons`, the one on which composer meets kits of every release, and the one that measures
# the tests: a quick way to do so came with 3.12.
PYTHONS ?= 3.10 3.12 3.13
NEWEST ?= 3.13
MEASURING ?= 3.12

# Most tests run composer as a process of its own, which would else compile all of it each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml tests/constraints.txt tests/machine/venv.sh
	tests/machine/venv.sh $(PYTHON) $(VENV)

.PHONY: venv
venv: $(VENV)/.installed ## Make the virtual environment with composer, NVFLARE and the tools

.PHONY: demo
demo: venv ## Run a federation from nothing to a job's result
	FLARE_COMPOSER_WITHOUT_ENGINE=examples/bare-metal/one-machine.yml $(WITH_ENGINE) \
		bash -c 'exec $(BIN)/composer demo .demo $${FLARE_COMPOSER_DEFINITION:+-f "$$FLARE_COMPOSER_DEFINITION"}'

.PHONY: test
test: lint ## Lint, then run the whole suite on real parts
	$(WITH_ENGINE) $(PYTEST) $(addprefix --ignore tests/,process podman bundle releases docker/faults hosts hostile browser jobs gpu) $(ARGS)

.PHONY: test-all
test-all: test test-pythons test-slow test-jobs test-podman ## Run every suite, more than CI does: over an hour

.PHONY: test-slow
test-slow: venv ## Run the suites that wait for federations most of the time, side by side
	$(WITH_ENGINE) tests/machine/side-by-side.sh "test-hosts test-hostile test-releases" "test-faults test-metal test-browser"

.PHONY: test-jobs
test-jobs: venv ## Run real jobs of ten kinds to their results, in containers and as plain processes
	tests/machine/jobs.sh $(PYTHON) $(JOBS)
	COMPOSER_JOBS=$(JOBS) $(WITH_ENGINE) $(PYTEST) tests/jobs $(ARGS)

.PHONY: test-gpu
test-gpu: venv ## Train on this machine's NVIDIA GPU, in the Python environment $COMPOSER_TEST_ENVIRONMENT
	$(PYTEST) tests/gpu $(ARGS)

.PHONY: test-browser
test-browser: venv ## Open reports in headless Chromium: nothing is fetched, nobody is kept from reading
	tests/machine/browser.sh
	$(PYTEST) tests/browser $(ARGS)

.PHONY: test-hostile
test-hostile: venv ## Play a hostile job, neighbour, host and bundle against real federations
	$(WITH_ENGINE) $(PYTEST) tests/hostile $(ARGS)

.PHONY: test-faults
test-faults: venv ## Break federations in every way of tests/README.md
	tests/machine/fault-tools.sh
	$(WITH_ENGINE) $(PYTEST) tests/docker/faults $(ARGS)

.PHONY: test-metal
test-metal: venv ## Run the tests without containers: plain processes, and bundles on hosts in namespaces
	$(WITH_ENGINE) $(PYTEST) tests/process tests/bundle $(ARGS)

.PHONY: test-hosts
test-hosts: venv ## Run a federation across four hosts in namespaces, an engine and an SSH server each
	tests/machine/hosts.sh
	$(WITH_ENGINE) $(PYTEST) tests/hosts $(ARGS)

.PHONY: test-podman
test-podman: venv ## Run a federation under Podman where there is no Docker, as an ordinary user and as root
	tests/machine/podman.sh user $(PYTEST) -p no:cacheprovider tests/podman $(ARGS)
	tests/machine/podman.sh root $(PYTEST) -p no:cacheprovider tests/podman $(ARGS)

.PHONY: test-releases
test-releases: venv ## Run a federation of each release of NVFLARE, and such with relays
	$(WITH_ENGINE) tests/machine/on-pythons.sh "$(NEWEST)" tests/releases $(ARGS)

.PHONY: test-pythons
test-pythons: venv ## Run the unit and golden tests on other Pythons, and fail where they leave out too much
	$(if $(ARGS),,COVERAGE_ON=$(MEASURING) COVERAGE_CORE=sysmon) $(WITH_ENGINE) tests/machine/on-pythons.sh "$(PYTHONS)" tests/unit tests/golden $(ARGS)

.PHONY: test-unit
test-unit: venv ## Run the tests that need no engine
	$(PYTEST) tests/unit $(ARGS)

.PHONY: coverage
coverage: venv ## Print how much of the upper half the unit tests run
	rm -rf .coverage && mkdir .coverage
	$(BIN)/coverage run -m pytest tests/unit $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered

.PHONY: lint
lint: venv ## Check style, types, architecture, shell scripts, the Dockerfile, and the links of docs/
	$(BIN)/ruff format --check composer flare_composer tests examples
	$(BIN)/ruff check composer flare_composer tests examples
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/shellcheck --external-sources --severity style $(SCRIPTS) tests/machine/*.sh .ci/run
	$(BIN)/hadolint tests/golden/*/images/*/Dockerfile
	$(BIN)/zensical build --strict

.PHONY: docs
docs: venv ## Write what documentation is made of code, and build the site into .site; a bad link is an error
	$(BIN)/python -m tests.documentation
	$(BIN)/zensical build --strict

.PHONY: format
format: venv ## Format the code
	$(BIN)/ruff format composer flare_composer tests examples
	$(BIN)/ruff check --fix composer flare_composer tests examples

.PHONY: golden
golden: venv ## Write the golden files anew from what is rendered now
	UPDATE_GOLDEN=1 $(PYTEST) tests/golden
	$(BIN)/python -m tests.documentation

.PHONY: bench
bench: venv ## Measure against plain Compose and NVFLARE itself (ARGS=name for one figure)
	$(WITH_ENGINE) $(BIN)/python -m tests.bench $(ARGS)

.PHONY: clean
clean: ## Remove what make has made in this folder
	rm -rf $(VENV) .venv-* .demo .site .cache .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
