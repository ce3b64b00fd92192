# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= demo

.PHONY: help setup demo test lint clean

help:  ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

.venv/base: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Reverie needs Python 3.11 or newer; name one with make PYTHON=..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e .
	@touch $@

.venv/dev: .venv/base
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

setup: .venv/base  ## install Reverie into .venv
	@echo 'ready: try $(BIN)/reverie --help'

demo: .venv/base  ## train on handwritten digits, sample, and show where to look (minutes)
	$(BIN)/reverie train digits --out $(OUT)/digits --minutes 1.75 --set batch=32 --seed 0 --force
	$(BIN)/reverie sample $(OUT)/digits --count 100 --seed 1 --out $(OUT)/samples.png --force
	$(BIN)/reverie study reverse --model $(OUT)/digits --steps 16 --seed 3 --out $(OUT)/reverse.png --force
	@echo 'look at: $(OUT)/samples.png (100 new digits), $(OUT)/reverse.png (how one came out of noise), $(OUT)/digits (the run)'

test: .venv/dev  ## run all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

lint: .venv/dev  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

clean:  ## remove what the other commands made
	rm -rf .venv demo build src/*.egg-info .pytest_cache .ruff_cache .hypothesis
