# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= demo
PARALLEL := -n 3 --no-loadscope-reorder

# A process of tests keeps to one core, for there are as many of them as cores; polars would begin threads for all.
ALONE := OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1

.PHONY: help setup demo serve test precision lint clean browser

# What is imported is compiled once, also where Python was told not to keep it: tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

help:  ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

# Bytecode is made as modules are first imported: for all of 19,000 files it takes a minute and more.
.venv/base: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Reverie needs Python 3.11 or newer; name one with make PYTHON=..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile -c constraints.txt -e .
	@touch $@

.venv/dev: .venv/base
	$(BIN)/pip install --quiet --no-compile -c constraints.txt -e '.[dev]'
	@touch $@

setup: .venv/base  ## install Reverie into .venv
	@echo 'ready: try $(BIN)/reverie --help'

demo: .venv/base  ## train on bundled patient records, make new patients, fill holes, report (minutes)
	$(BIN)/reverie train pbc2 --out $(OUT)/pbc2 --minutes 1 --seed 0 --force
	$(BIN)/reverie sample $(OUT)/pbc2 --count 312 --seed 1 --out $(OUT)/patients.csv --force
	$(BIN)/reverie impute $(OUT)/pbc2 pbc2 --draws 1 --seed 1 --out $(OUT)/completed.csv --force
	$(BIN)/reverie report $(OUT)/pbc2 --synthetic $(OUT)/patients.csv --out $(OUT)/report --force
	@echo 'look at: $(OUT)/report/report.html (are the synthetic patients realistic, useful, private? in plain words first),'
	@echo '         $(OUT)/pbc2/figures/*.png (synthetic patients beside real ones: begin with trajectories.png),'
	@echo '         $(OUT)/patients.csv (312 new patients), $(OUT)/completed.csv (the cohort with its holes filled)'

browser:  # what tests use besides Python: a real browser for the page, and PostgreSQL; Debian's, where this may install them
	@here() { command -v $$1 && (command -v postgres || ls /usr/lib/postgresql/*/bin/postgres); }; exec >/dev/null; \
	  here chromium-headless-shell 2>&1 || if [ "$$(id -u)" = 0 ] && command -v apt-get; then apt-get update -qq; \
	    for wanted in chromium-headless-shell chromium; do here $$wanted 2>&1 || \
	      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$wanted postgresql curl && break; done; \
	  elif ! here chromium 2>&1; then \
	    echo 'install chromium and postgresql to test the page and the shared ledger too; those tests are skipped' >&2; fi

serve: .venv/base  ## open the page and the HTTP API on what is in ./demo
	$(BIN)/reverie serve --workspace $(OUT)

test: .venv/dev browser  ## run all tests
	$(ALONE) $(BIN)/python -m pytest $(PARALLEL)

precision: .venv/dev  ## run the tests of networks in the precision, fp32 or bf16, that this processor would not choose
	$(ALONE) $(BIN)/python -m pytest $(PARALLEL) -m precision --other-precision $$(grep -rl mark.precision tests --include='test_*.py')

lint: .venv/dev  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

clean:  ## remove what the other commands made
	rm -rf .venv demo build src/*.egg-info .pytest_cache .ruff_cache .hypothesis
