# The doors of the project: `make run` and `make test` need only git, make and Python 3.11-3.14.
# Everything is installed into .venv from wheels; nothing outside this folder is touched.

HOST ?= 127.0.0.1
PORT ?= 8000
PYTHON ?=
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --no-input --disable-pip-version-check --only-binary :all:
ALL_NEEDED := requirements.txt tests/requirements.txt search/embeddings/requirements.txt
# Two files of tests at a time: many wait for a service they have started. Their order is ours.
SIDE_BY_SIDE ?= -n 2 --dist loadfile --no-loadscope-reorder
# Tests and checks keep what they write apart from the library of the person who runs them.
TEST_DATA := $(CURDIR)/.pytest_cache/data
# Tests start processes by the hundred: what Python compiles is kept, whatever the surroundings say.
test: export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run setup setup-tests test lint format bench screenshots clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

run: setup ## Start the library here (HOST=127.0.0.1 PORT=8000)
	@exec $(PY) manage.py serve --host $(HOST) --port $(PORT)

setup: $(VENV)/ready ## Make .venv and install what running needs
	@cmp -s requirements.txt $(VENV)/installed.txt || { \
	  echo "Installing the libraries into $(VENV) (once; a minute or two) ..."; \
	  $(PIP) -r requirements.txt && cp requirements.txt $(VENV)/installed.txt || { \
	    echo "The libraries could not be installed: the reason stands above." >&2; exit 1; }; }

# The environment is made anew when its Python is gone, for instance after a system upgrade.
$(VENV)/ready: FORCE
	@$(PY) -c 'import pip' 2>/dev/null || { $(FIND_PYTHON); \
	  echo "Making $(VENV) with $$found ..."; \
	  rm -rf $(VENV) && "$$found" -m venv $(VENV); }

.PHONY: FORCE
FORCE:

setup-tests: setup
	@cat $(ALL_NEEDED) | cmp -s - $(VENV)/installed-tests.txt || { \
	  echo "Installing what the tests need into $(VENV) (once) ..."; \
	  $(PIP) -r tests/requirements.txt && $(PIP) --no-deps -r search/embeddings/requirements.txt \
	  && cat $(ALL_NEEDED) > $(VENV)/installed-tests.txt || { \
	    echo "The test libraries could not be installed: the reason stands above." >&2; exit 1; }; }

# What drives a browser runs in a process of its own: its event loop keeps Django from the database.
test: setup-tests ## Run the tests (ARGS="-k moments" picks some)
	@MEDIALIB_DATA_DIR="$(TEST_DATA)" $(PY) -m pytest -q $(SIDE_BY_SIDE) --ignore=tests/browser $(ARGS)
	@MEDIALIB_DATA_DIR="$(TEST_DATA)" $(PY) -m pytest -q $(SIDE_BY_SIDE) tests/browser $(ARGS) || [ $$? -eq 5 ]

lint: setup-tests ## Check style, layers, types and house rules
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/lint-imports
	@MEDIALIB_DATA_DIR="$(TEST_DATA)" $(PY) -m mypy
	@MEDIALIB_DATA_DIR="$(TEST_DATA)" $(PY) -m pytest -q -p no:randomly tests/unit/test_house_style.py

format: setup-tests ## Put the code into shape
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

bench: setup-tests ## Measure the figures of tests/benchmarks/RESULTS.md
	@MEDIALIB_DATA_DIR="$(TEST_DATA)" $(PY) -m tests.benchmarks $(ARGS)

screenshots: setup-tests ## Take pictures of every page into screenshots/ (ARGS=--readme: the README's)
	@MEDIALIB_DATA_DIR="$(TEST_DATA)" $(PY) -m tests.browser.screenshots $(ARGS)

clean: ## Remove .venv and caches (never your library in var/)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Sets $$found to a Python that fits and can make environments, or ends with one sentence.
define FIND_PYTHON
found=; lacking=; \
for each in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3 python; do \
  "$$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
    >/dev/null 2>&1 || continue; \
  if "$$each" -c 'import ensurepip, venv' >/dev/null 2>&1; then found=$$each; break; fi; \
  test -n "$$lacking" || lacking=$$("$$each" -c \
    'import sys; print("python%d.%d" % sys.version_info[:2])'); \
done; \
if test -z "$$found" && test -n "$$lacking"; then \
  echo "$$lacking is here without its venv module: install it first (on Debian and Ubuntu: sudo apt install $$lacking-venv)." >&2; exit 1; \
fi; \
if test -z "$$found"; then \
  echo "Python 3.11, 3.12, 3.13 or 3.14 is needed and none was found: install one (on Debian and Ubuntu: sudo apt install python3 python3-venv)." >&2; exit 1; \
fi
endef
