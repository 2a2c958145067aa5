PYTHON ?= python3
STAMP := .venv/installed
BIN := .venv/bin

.PHONY: demo test lint types test-only audit-dependencies

demo: $(STAMP)
	$(BIN)/fairtune demo

test: lint types test-only

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

test-only: $(STAMP)
	$(BIN)/pytest -n logical --maxprocesses 8 --dist loadfile

# A tool of its own environment, so that nothing of it changes what is tested; where it cannot be had, that is said.
audit-dependencies:
	test -x .venv-audit/bin/python || $(PYTHON) -m venv .venv-audit
	-.venv-audit/bin/python -m pip install --quiet pip-audit
	.venv-audit/bin/python scripts/audit_dependencies.py

# torch goes first and alone: where an index offers builds for several devices, the pin decides, not the resolver.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@
