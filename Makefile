# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
REQUIREMENTS := $(wildcard resources/requirements/*.txt)
VENV := .venv
VENV_QGIS := .venv-qgis
# One pip call with every pin, so that nothing pulls another torch.
BACKEND_PINS := $(foreach f,backend cpu training oversample test lint docs,-r resources/requirements/$(f).txt)
PIP_FLAGS := --quiet --disable-pip-version-check
# One process per core, with one thread each: small networks gain nothing from more.
WORKERS ?= $(shell nproc)
PYTEST := OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n $(WORKERS)

.PHONY: help demo test lint test-unit test-fast test-qgis test-e2e system scene docs train-demo train-short bench review-session review-looks review-kill zip clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 20

demo: system $(VENV)/.complete  ## map the embedded scene through qgis_process and draw one picture
	@scripts/demo.sh

test: system lint docs test-unit test-qgis test-e2e  ## lint, site, unit, QGIS and end-to-end tests, in both environments

lint: $(VENV)/.complete  ## ruff and mypy
	@echo "==> ruff, mypy"
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@ln -sfn "$(CURDIR)" $(VENV)/mce_landcover && MYPYPATH=$(VENV) $(VENV)/bin/mypy

test-unit: $(VENV)/.complete  ## tests that need no QGIS
	@echo "==> unit tests"
	@$(PYTEST) tests/unit --dist worksteal

test-fast: $(VENV)/.complete  ## the unit tests that neither train nor map: the edit loop
	@$(PYTEST) tests/unit --dist worksteal -m "not slow" -q

test-qgis: system $(VENV_QGIS)/.complete $(VENV)/.complete  ## plugin tests inside QGIS
	@echo "==> QGIS tests"
	@QT_QPA_PLATFORM=offscreen $(VENV_QGIS)/bin/python -m pytest tests/qgis -n $(WORKERS)

test-e2e: system $(VENV)/.complete  ## qgis_process and the command line, as a user runs them
	@echo "==> end-to-end tests"
	@$(PYTEST) tests/e2e --dist loadfile

system:
	@scripts/install_system.sh

# QGIS's own Python for the plugin, a plain environment for the backend: never mixed.
$(VENV)/.complete: pyproject.toml $(REQUIREMENTS) | system
	@echo "==> building $(VENV) (backend, tests)"
	@python=$$(scripts/find_python.sh) && $$python -m venv $(VENV)
	@$(VENV)/bin/pip install $(PIP_FLAGS) $(BACKEND_PINS) -e .
	@touch $@

$(VENV_QGIS)/.complete: pyproject.toml $(REQUIREMENTS) | system
	@echo "==> building $(VENV_QGIS) (plugin tests)"
	@/usr/bin/python3 -m venv --system-site-packages $(VENV_QGIS)
	@$(VENV_QGIS)/bin/pip install $(PIP_FLAGS) -r resources/requirements/qgis-test.txt -e .
	@touch $@

docs: $(VENV)/.complete  ## the site, build/site/index.html; a broken link fails
	@mkdir -p build/api/mce_landcover  # where the API is read; missing at the start, all of .venv is read instead
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build
	@echo "==> build/site/index.html"

train-short: $(VENV)/.complete  ## cut tiles, train on them for some minutes, map with the result: demo/training
	@scripts/train_short.sh

train-demo: $(VENV)/.complete  ## rebuild the shipped demo model
	@$(VENV)/bin/mce-landcover train-demo

jobs: $(VENV)/.complete  ## write what the jobs take to resources/jobs.json, which the plugin reads
	@$(VENV)/bin/python scripts/export_jobs.py

review-session: system $(VENV)/.complete  ## review 50 candidates in a real QGIS window by keyboard, measure, take pictures
	@$(VENV)/bin/python scripts/review/session.py build/review --pictures resources/help

review-looks: system $(VENV)/.complete  ## pictures of the review at 200 % and in dark themes: build/review/*.png
	@$(VENV)/bin/python scripts/review/looks.py build/review

review-kill: system $(VENV)/.complete  ## kill QGIS 50 times during a review: no decision may be lost
	@$(VENV)/bin/python scripts/review/kill.py build/review

zip:  ## the plugin as QGIS installs it: dist/mce_landcover.zip
	@mkdir -p dist && rm -f dist/mce_landcover.zip
	@git archive --prefix=mce_landcover/ -o dist/mce_landcover.zip HEAD metadata.txt __init__.py pyproject.toml LICENSE README.md CHANGELOG.md core plugin resources scene service training ':(exclude,glob)training/experiments/*/reports/**'
	@echo "==> dist/mce_landcover.zip"

clean:  ## remove what demo, test and zip made, keep the environments
	@rm -rf demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
