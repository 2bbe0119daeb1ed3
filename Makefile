# Every target sets itself up from a bare clone: one virtual environment in .venv, made once, to which
# each target adds the packages it needs (the extras of pyproject.toml, at the versions of
# constraints.txt).

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
export HOST PORT
unexport PYTHONDONTWRITEBYTECODE  # the tests start many processes: what one compiles serves all

BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help serve test check format loadtest install clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

serve: .venv/.installed-serve  ## run the service with the shipped models on HOST:PORT
	@echo "serving on http://$(HOST):$(PORT) (stop with Ctrl-C)"
	@exec $(BIN)/python -m service

test: .venv/.installed-dev  ## run the tests
	$(BIN)/python -m pytest -n 2

check: .venv/.installed-dev  ## run the linter, the type checker, the import-direction test, the manifests' check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy issrnn training service loadtests deploy tests docs/screenshots.py
	$(BIN)/python -m pytest tests/test_layout.py
	$(BIN)/python deploy/check_kubernetes.py

format: .venv/.installed-dev  ## bring the code into its canonical form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

loadtest: .venv/.installed-loadtest  ## compare the served variants under load; writes reports/
	$(BIN)/python -m loadtests compare --serve

install: .venv/.installed-dev  ## install everything: training, service, load tests, developer tools

clean:  ## remove the virtual environment and all caches
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info

.venv/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "making the virtual environment .venv (once)"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed-serve: EXTRAS = serve
.venv/.installed-loadtest: EXTRAS = serve,loadtest
.venv/.installed-dev: EXTRAS = dev
.venv/.installed-%: pyproject.toml constraints.txt | .venv/.created
	@echo "installing what '$*' needs into .venv (once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@
