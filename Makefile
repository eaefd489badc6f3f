# `make run` needs Python 3.11 or later with venv, and nothing else. CONTRIBUTING.md says what each target is for.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE_TESTS := project/tests/node
GRAPHQL_NODE_TESTS := gql/tests/node
REACT_EXAMPLE := examples/react
# xdist: two processes halve the suite's time on a laptop; PYTEST_ARGS=-n0 for one.
PYTEST_ARGS ?= -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help run install install-dev test check bench faults fmt clean

help:
	@echo "make run     start Parley and print its address"
	@echo "make test    run the whole suite"
	@echo "make check   format, lint, types, migrations, schema, then the suite"
	@echo "make bench   measure, and compare with peers"
	@echo "make faults  kill and cut what can be killed and cut under load, three times each"
	@echo "make fmt     format the code"

# When make itself is killed, `up` is told to stop.
run: $(VENV)/installed
	@exec env PARLEY_STOP_WITH_PARENT=1 $(BIN)/python manage.py up $(ARGS)

test: $(VENV)/installed-dev $(NODE_TESTS)/installed $(GRAPHQL_NODE_TESTS)/installed $(REACT_EXAMPLE)/installed
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/installed-dev $(NODE_TESTS)/installed $(GRAPHQL_NODE_TESTS)/installed $(REACT_EXAMPLE)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py export_schema --check
	$(BIN)/python -m pytest $(PYTEST_ARGS)

bench: $(VENV)/installed-dev
	$(BIN)/python -m bench $(ARGS)

# FAULT_ROUNDS, FAULT_MESSAGES, FAULT_CLIENTS, FAULT_MESSAGES_PER_S: see project/tests/faults/__init__.py.
faults: export FAULT_ROUNDS ?= 3
faults: export FAULT_MESSAGES ?= 2000
faults: export FAULT_CLIENTS ?= 20
faults: $(VENV)/installed-dev $(NODE_TESTS)/installed
	$(BIN)/python -m pytest project/tests/faults -m faults --durations=0 $(ARGS)

fmt: $(VENV)/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(VENV)/installed

install-dev: $(VENV)/installed-dev

clean:
	rm -rf $(VENV) $(foreach folder,$(NODE_TESTS) $(GRAPHQL_NODE_TESTS) $(REACT_EXAMPLE),$(folder)/node_modules $(folder)/installed)

# Stamp files: installation runs again when a requirements file is newer. The venv's own `python` is not a target,
# since it is a link to an older file.
$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or later is needed; \`$(PYTHON)\` is older. Name another: make $(MAKECMDGOALS) PYTHON=python3.12"; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv is missing. On Debian and Ubuntu: apt-get install python3-venv"; \
		echo "Elsewhere: install the package of your system that has venv and ensurepip."; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/created requirements.txt constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	@touch $@

# Tests with stock JavaScript clients say that they are skipped where there is no npm.
$(NODE_TESTS)/installed $(GRAPHQL_NODE_TESTS)/installed $(REACT_EXAMPLE)/installed: %/installed: %/package.json %/package-lock.json
	@if command -v npm >/dev/null; then \
		cd $* && { npm ci --silent && touch installed || \
			echo "npm could not install: tests with JavaScript clients will be skipped."; }; \
	else \
		echo "npm is not installed: tests with JavaScript clients will be skipped."; \
	fi
