# Everything a fresh machine needs is Python 3.11, git and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup run test test-slow lint docs demo bench

setup: $(READY)

# Installed anew only when what is to be installed has changed.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

run: $(READY)  ## the main job on the demo corpus
	$(BIN)/deepdx add data/demo
	$(BIN)/deepdx run
	$(BIN)/deepdx stats

test: $(READY)  ## all tests but the slow ones
	$(BIN)/python -m pytest -m 'not slow'

test-slow: $(READY)  ## attacks, kills, and whatever else takes more than some seconds
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: $(READY)  ## the documentation site, in site/; dead links are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

demo: $(READY)  ## compose the demo corpus anew, byte for byte
	$(BIN)/python -m tools.demo_corpus data/demo

bench: $(READY)
	$(BIN)/python -m benchmarks
