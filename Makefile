# natriface: `make run` does the main job, `make test` the tests. Both set up what they need.
VENV   ?= .venv
PYTHON ?= python3
STUDY  ?= li2025
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
BIN    := $(VENV)/bin
# Which tests: `make test MARKS=` runs the slow ones too, as continuous integration does.
MARKS  ?= not slow
# Taken where neither the environment nor $(PYTHON) has a PyTorch of its own.
TORCH  ?= torch==2.13.0
# An MPI to build GPAW with where the machine has none of its own, such as MPI=mpich; built anew, as
# a GPAW that pip has kept from before may be without it.
MPI    ?=
# With the versions of requirements.lock: `make run LOCKED=1`, where there is no environment yet.
LOCKED ?=
PIP    := $(BIN)/python -m pip install --quiet $(if $(LOCKED),--constraint requirements.lock)
# The oldest versions allowed, in an environment of their own.
LOWEST ?= $(VENV)-lowest
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: run test test-bare test-lowest lint format bench docs clean help

help:
	@echo "make run    compute the study $(STUDY) and write its report (STUDY=name or file;"
	@echo "            LOCKED=1 for the versions of requirements.lock, in a new environment)"
	@echo "make test   run the tests, $(JOBS) at once (MARKS= for the slow ones too)"
	@echo "make test-bare    the fast tests from a wheel, in a copy with nothing beside it"
	@echo "make test-lowest  the same with the oldest versions that pyproject.toml allows"
	@echo "make lint   ruff and mypy"
	@echo "make bench  the benchmarks, side by side with their peers"
	@echo "make docs   the documentation as a site, site/index.html"

# A study on GPAW needs it built.
USES_GPAW := $(shell grep -lsE '^ *engine: *gpaw' $(STUDY) templates/studies/$(STUDY).yaml)

run: $(VENV)/.potential $(if $(USES_GPAW),$(VENV)/.gpaw)
	@$(BIN)/natriface run $(STUDY)

test: $(VENV)/.dev $(VENV)/.potential $(VENV)/.gpaw
	@$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) -m "$(MARKS)" $(PYTEST_ARGS)

test-bare: $(VENV)/.dev $(VENV)/.potential $(VENV)/.gpaw
	@$(ONE_THREAD) PYTHON=$(BIN)/python .ci/bare -n $(JOBS) -m "not slow" $(PYTEST_ARGS)

# As test-bare, so that one run shows both; without GPAW, which takes long to build.
test-lowest: $(LOWEST)/.dev
	@$(ONE_THREAD) PYTHON=$(LOWEST)/bin/python .ci/bare -n $(JOBS) -m "not slow" $(PYTEST_ARGS)
	@$(LOWEST)/bin/natriface plan $(STUDY) > $(LOWEST)/plan.txt && tail -n 2 $(LOWEST)/plan.txt

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYTHON=$(abspath $(BIN)/python) .ci/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev $(VENV)/.potential
	@for path in benchmarks/[a-z]*.py; do \
		grep -q __main__ $$path && grep -q json $$path || continue; \
		name=$$(basename $$path .py); echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; \
	done

# The theme warns of a MkDocs 2, which it does not let itself be installed with.
docs: $(VENV)/.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "the documentation: site/index.html"

$(VENV)/.base: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "natriface needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	@echo "installing natriface into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		$$($(PYTHON) -c 'import torch' 2>/dev/null && echo --system-site-packages)
	@$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	@echo "installing what the tests need"
	@$(PIP) --editable '.[dev,diffusion]'
	@$(PIP) --only-binary dftd3,dftd4 --editable '.[dispersion]' \
		|| echo "no wheels of dftd3 and dftd4 for this machine; their tests are skipped"
	@touch $@

$(VENV)/.docs: $(VENV)/.base
	@echo "installing what the documentation is built with"
	@$(PIP) --editable '.[docs]'
	@touch $@

$(VENV)/.potential: $(VENV)/.base
	@echo "installing the machine-learned potentials"
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(PIP) '$(TORCH)' \
		|| echo "$(TORCH) is not to be had here; taking the package index's newest"
	@$(PIP) --editable '.[potential,sevennet]'
	@touch $@

$(LOWEST)/.dev: pyproject.toml
	@echo "installing the oldest versions allowed into $(LOWEST)"
	@$(PYTHON) -m venv --clear $(LOWEST)
	@$(LOWEST)/bin/python -m pip install --quiet uv
	@$(LOWEST)/bin/python -m pip install --quiet '$(TORCH)' \
		|| echo "$(TORCH) is not to be had here; taking the package index's oldest allowed"
	@$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python \
		--resolution lowest-direct --editable '.[dev,potential,sevennet]'
	@touch $@

# Built from source, with the libraries this machine has and with none where it has none.
$(VENV)/.gpaw: $(VENV)/.base templates/gpaw/siteconfig.py
	@echo "building GPAW"
	@test -z "$(MPI)" || $(PIP) $(MPI) || echo "$(MPI) is not to be had here; GPAW is built without it"
	@PATH="$(abspath $(BIN)):$$PATH" GPAW_CONFIG=$(abspath templates/gpaw/siteconfig.py) \
		$(PIP) $(if $(MPI),--no-cache-dir) --editable '.[gpaw]' && touch $@ \
		|| echo "GPAW could not be built (a C++17 compiler is needed, see docs/gpaw.md); its tests are skipped"

clean:
	rm -rf $(VENV) $(LOWEST) build site *.egg-info .pytest_cache .mypy_cache .ruff_cache
