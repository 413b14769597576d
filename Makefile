# make demo   the service with a simulated person, in a browser at http://127.0.0.1:8000
# make test   all tests
# make check  style, types, layers
# make docs   the documentation as a site, into build/site
# make soak   the long tests, then a load for MINUTES (docs/reliability.md)
# make bench  measured rows, into benchmarks/results
# make dev    the environment for working on the code
PYTHON ?= python3
VENV   ?= .venv
# A file stays in one worker. More of them than cores, and tests of live streams run late.
WORKERS ?= 2
# Of the load that `make soak` holds at its end.
MINUTES ?= 120
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test check docs screenshots bench dev fuzz audit soak demo-bundle clean

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set it with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e ".[cpu]"
	@touch $@

# torch first and by its exact version: a looser requirement may bring a CUDA build of several gigabytes.
$(VENV)/.dev: $(VENV)/.serve
	$(PIP) torch==2.13.0
	$(PIP) -e ".[dev]"
	@$(BIN)/python .ci/overlay.py
	@touch $@

demo: $(VENV)/.serve
	$(BIN)/hadua-serve --demo $(ARGS)

dev: $(VENV)/.dev

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not soak" -n $(WORKERS) --dist loadfile $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .overlay/hadua tests benchmarks docs
	$(BIN)/lint-imports

# Warnings are errors: a link that leads nowhere, a page that is not there.
docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

# The handbook's pictures, from the real demo; needs Chromium.
screenshots: $(VENV)/.dev
	$(BIN)/python docs/make_screenshots.py

# Without what they need beyond ours: the rows use a part of each.
$(VENV)/.peers: $(VENV)/.dev benchmarks/peers.txt
	$(PIP) --no-deps -r benchmarks/peers.txt
	@touch $@

bench: $(VENV)/.peers
	OMP_NUM_THREADS=1 $(BIN)/hadua bench --save $(ARGS)

# COUNT inputs for every parser that reads what others send, or for those in TARGETS; another SEED, other inputs.
fuzz: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m fuzz --count $(or $(COUNT),20000) --seed $(or $(SEED),1) $(TARGETS)

# Licences, bill of materials (CycloneDX), known weaknesses where pip-audit and its source can be had.
audit: $(VENV)/.dev
	-$(PIP) pip-audit==2.10.1
	$(BIN)/python .ci/audit.py $(ARGS)

soak: $(VENV)/.dev
	$(BIN)/python -m pytest -m soak $(ARGS)
	PYTHONPATH=tests $(BIN)/python -m support.soaking --minutes $(MINUTES)

# The one command that rebuilds the demo bundle from the simulator.
demo-bundle: $(VENV)/.dev
	$(BIN)/hadua train --dataset sim --preset demo --out models/demo --replace

clean:
	rm -rf $(VENV) .overlay build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
