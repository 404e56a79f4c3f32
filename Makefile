# natriface: `make run` does the main job, `make test` the tests. Both set up what they need.
VENV   ?= .venv
PYTHON ?= python3
STUDY  ?= li2025
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
BIN    := $(VENV)/bin
# Taken where neither the environment nor $(PYTHON) has a PyTorch of its own.
TORCH  ?= torch==2.13.0

.PHONY: run test lint format bench clean help

help:
	@echo "make run    compute the study $(STUDY) and write its report (STUDY=name or file)"
	@echo "make test   run the tests (JOBS=$(JOBS) at once)"
	@echo "make lint   ruff and mypy"
	@echo "make bench  the benchmarks, side by side with their peers"

run: $(VENV)/.potential
	$(BIN)/natriface run $(STUDY)

test: $(VENV)/.dev $(VENV)/.potential
	$(BIN)/python -m pytest -n $(JOBS) $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYTHON=$(abspath $(BIN)/python) .ci/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	for name in $$(cd benchmarks && ls *.py | grep -v -e __init__ -e harness | sed 's/\.py$$//'); do \
		$(BIN)/python -m benchmarks.$$name || exit 1; done

$(VENV)/.base: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "natriface needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		$$($(PYTHON) -c 'import torch' 2>/dev/null && echo --system-site-packages)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(VENV)/.potential: $(VENV)/.base
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/python -m pip install --quiet '$(TORCH)' \
		|| echo "no CPU build of $(TORCH) here; taking the package index's own"
	$(BIN)/python -m pip install --quiet --editable '.[potential]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
