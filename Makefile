# `make run` starts Nopal with its demo, `make test` checks everything. Nothing needs to be installed but Python.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup run test test-faults lint chromium autobahn bench bench-resilience screenshots

help:
	@echo 'make run          start Nopal and its chat demo on http://127.0.0.1:8000'
	@echo 'make test         everything that must hold: linters, types, layers, migrations, tests'
	@echo 'make lint         the same without the tests'
	@echo 'make test-faults  minutes of clients and backends that misbehave at random'
	@echo 'make autobahn     the Autobahn test suite against the WebSocket server'
	@echo 'make bench        measure throughput and latency'
	@echo 'make bench-resilience  attack a gateway of its own, and measure what others notice'
	@echo 'make screenshots  take the pictures in docs/images again'
	@echo 'make setup        only create .venv (PYTHON=python3.12 chooses the interpreter)'

setup: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt scripts/venv.sh
	scripts/venv.sh '$(PYTHON)'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

run: setup
	$(BIN)/python manage.py serve --demo --host 127.0.0.1 --port 8000

test: chromium lint
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-faults: setup
	NOPAL_FAULT_SECONDS=$${NOPAL_FAULT_SECONDS:-180} $(BIN)/python -m pytest --timeout 1800 -s tests/dataplane/test_random_faults.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/vendor.py --check
	$(BIN)/python manage.py check
	$(BIN)/python manage.py makemigrations --check --dry-run

chromium: setup
	scripts/chromium.sh

autobahn: setup
	$(BIN)/python scripts/autobahn.py

bench: setup
	$(BIN)/python -m benchmarks

bench-resilience: setup
	$(BIN)/python -m benchmarks.resilience

screenshots: chromium
	$(BIN)/python scripts/screenshots.py
