PY ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export ORT_DISABLE_TELEMETRY := 1

LOCK := --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-annotate --no-header

.PHONY: help setup develop run test lint bench docs compiled cores faults evidence fleet-demo fleet-figures mutants audit-torture conformance lock clean

help:
	@echo "make run    set up what running needs and run the main job on the shipped model and clip (ARGS='--duration 60s' to pass options)"
	@echo "make test   set up and run every test"
	@echo "make lint   ruff and mypy"
	@echo "make bench  speed as ratios in one run, and the controllers against the oracle"
	@echo "make docs   draw the generated parts of the documentation anew"
	@echo "make compiled  the core as extension modules: the same bytes, decided and replayed faster (needs a C compiler; a minute or two)"
	@echo "make cores  the compiled core against the interpreted one: bytes, verdicts, decisions (some minutes)"
	@echo "make conformance     check every TensorRT name against NVIDIA's own bindings (fetches 100 MB)"
	@echo "make faults sensors, workers, daemon, API and configuration mistreated at full size, each with its control (two hours or so)"
	@echo "make evidence       the figures of the accuracy evidence and of watching, each with a mutant (a quarter of an hour)"
	@echo "make mutants        every constant of the controller, and 25 lines of log and API, changed in a copy: a test must fail (some minutes)"
	@echo "make fleet-demo     a broker, a server and 50 software boxes: questions, a policy in waves, a bad one stopped (a minute; needs mosquitto)"
	@echo "make fleet-figures  ingest, kills of broker and server, questions, planted forks (some minutes; needs mosquitto)"
	@echo "make audit-torture   the audit figures at full size (two hours or so)"

# Two sets of locked packages: what serving needs (requirements.lock), and what tests, lint, bench and build need as well.
setup: .venv/.ready
develop: .venv/.develop

.venv/bin/python:
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "adaptd needs Python 3.10 or later: make $(MAKECMDGOALS) PY=python3.12" >&2; exit 2; }
	@$(PY) -m venv .venv || { echo "no venv module: apt-get install python3-venv" >&2; exit 2; }

.venv/.ready: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing what running needs into .venv (once, a minute or less)"
	@$(BIN)/python -m pip install --quiet --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-cache-dir --no-deps --no-build-isolation -e .
	@touch $@

.venv/.develop: requirements-dev.lock .venv/.ready
	@echo "installing what tests, lint and builds need into .venv (once, a minute or two)"
	@$(BIN)/python -m pip install --quiet --no-cache-dir --require-hashes --only-binary :all: -r requirements-dev.lock
	@touch $@

run: setup
	@$(BIN)/adaptd run --page $(ARGS)

# One worker more than cores, four at the most: many tests wait for real brokers, browsers and cameras.
WORKERS ?= $(shell n=$$(($$(getconf _NPROCESSORS_ONLN) + 1)); [ $$n -gt 4 ] && n=4; echo $$n)

test: develop
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: develop
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python tools/compile_core.py --check

bench: develop
	@$(BIN)/python -m benchmarks $(ARGS)

docs: develop
	@$(BIN)/python tools/draw_docs.py

compiled: develop
	@$(BIN)/python tools/compile_core.py

cores: develop
	@$(BIN)/python -m tests.faults.cores $(ARGS)

faults: develop
	@$(BIN)/python -m tests.faults.policies
	@$(BIN)/python -m tests.faults.sensors
	@$(BIN)/python -m tests.faults.api
	@$(BIN)/python -m tests.worker.drill --rounds 100
	@$(BIN)/python -m tests.faults.daemon
	@$(BIN)/python -m tests.faults.soak --ticks 1000000 --control 50000 --hours 1

evidence: develop
	@$(BIN)/python -m tests.faults.evidence $(ARGS)
	@$(BIN)/python -m tests.faults.boldness
	@$(BIN)/python -m tests.faults.account_worlds

fleet-demo: develop
	@$(BIN)/adaptd fleet demo $(ARGS)

fleet-figures: develop
	@$(BIN)/python -m tests.fleet.figures $(ARGS)

mutants: develop
	@$(BIN)/python -m tests.faults.constants $(ARGS)
	@$(BIN)/python -m tests.faults.rooms

audit-torture: develop
	@$(BIN)/python -m tests.faults.torture $(ARGS)

conformance: develop
	@$(BIN)/python -m tests.engine.bindings
	@$(BIN)/python -m pytest tests/engine/test_conformance_trt.py -rs $(ARGS)

lock:
	uv pip compile pyproject.toml --extra dev $(LOCK) -o requirements-dev.lock
	uv pip compile pyproject.toml --extra run $(LOCK) -c requirements-dev.lock -o requirements.lock

clean:
	find adaptd -name '*.so' -delete
	rm -f adaptd/compiled.json
	rm -rf .compiled .venv .conformance .pytest_cache .mypy_cache .ruff_cache
