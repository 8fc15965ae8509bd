# Every chore of the project. GNU make 4, a POSIX shell and CPython 3.11 to 3.13 are all it needs.
# Everything is installed into .venv beside this file, from hash-pinned requirements.

SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# make install PYTHON=... picks the interpreter for a new .venv; by default the newest suitable one.
PYTHON ?=
# Extra words for pytest: make test ARGS="-k ledger"
ARGS ?=
WORKERS ?= 2
UV ?= uv

PY := .venv/bin/python
# Wheels only: building a source package would fetch tools that nobody pinned.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-input --no-warn-script-location
PINNED := $(PIP) --require-hashes --only-binary :all:
PYTEST := $(PY) -m pytest
REPORTS := .venv/reports

NATIVE_SOURCES := $(shell find src/rust \( -name target -o -name corpus -o -name artifacts \) -prune -o -type f -print 2>/dev/null | tr ' ' '?')
# An environment holds absolute paths: one that was moved or copied runs the other tree's code.
MOVED := $(shell test ! -e .venv/.where || test "$$(cat .venv/.where)" = "$$(pwd -P)" || echo yes)

.PHONY: help install dev test lint native-check format proto proto-check docs demo soak figures lock clean FORCE

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

install: .venv/.package .venv/.native ## the programs, ready to run, into .venv/bin

dev: install .venv/.dev

test: dev ## all tests but the long ones; the two-process group last and serially
	@rm -rf $(REPORTS); status=0; \
	$(PYTEST) -n $(WORKERS) -m "not two_process and not soak" --durations=20 \
	  --junitxml=$(REPORTS)/parallel.xml $(ARGS) || status=$$?; \
	code=0; $(PYTEST) -m "two_process and not soak" --durations=20 \
	  --junitxml=$(REPORTS)/two_process.xml $(ARGS) || code=$$?; \
	if [ $$code -ne 0 ] && [ $$code -ne 5 ]; then status=$$code; fi; \
	exit $$status

lint: dev ## ruff, mypy --strict and the import contracts; all of them, whatever fails
	@status=0; run() { echo "$$*"; "$$@" || status=1; }; \
	run .venv/bin/ruff check .; \
	run .venv/bin/ruff format --check .; \
	run $(PY) -m mypy; \
	run $(PY) -m mypy --explicit-package-bases tests .ci/totals.py; \
	run .venv/bin/lint-imports; \
	exit $$status

# Builds into src/rust/target (or CARGO_TARGET_DIR), where the installation has built most of it.
native-check: .venv/bin/python ## rustfmt, clippy and tests of the native part, and whether its fuzz targets compile
	@if [ ! -f src/rust/Cargo.toml ]; then echo "no native part in this tree: nothing to check"; exit 0; fi; \
	for tool in cargo cargo-fmt cargo-clippy; do \
	  command -v $$tool >/dev/null 2>&1 || { \
	    echo "no $$tool on this machine, so the native part is not checked" >&2; \
	    test "$${PSIHASH_REQUIRE_NATIVE:-0}" != 1; exit; }; done; \
	status=0; run() { echo "$$*"; "$$@" || status=1; }; \
	export CARGO_TARGET_DIR="$${CARGO_TARGET_DIR:-$(CURDIR)/src/rust/target}"; \
	export PYO3_PYTHON="$(CURDIR)/$(PY)" PROPTEST_RNG_SEED=1; \
	run cargo fmt --check --manifest-path src/rust/Cargo.toml; \
	run cargo fmt --check --manifest-path src/rust/fuzz/Cargo.toml; \
	run cargo clippy --quiet --locked --all-targets --all-features \
	  --manifest-path src/rust/Cargo.toml -- -D warnings; \
	run cargo clippy --quiet --locked --all-targets --no-default-features \
	  --manifest-path src/rust/fuzz/Cargo.toml -- -D warnings; \
	run cargo test --quiet --locked --release --manifest-path src/rust/Cargo.toml; \
	exit $$status

format: dev ## let ruff sort imports and lay out the code
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	@if command -v cargo-fmt >/dev/null 2>&1; then \
	  for part in src/rust src/rust/fuzz; do cargo fmt --manifest-path $$part/Cargo.toml; done; fi

proto: dev ## generate the wire code again from proto/
	$(PY) -m tests.architecture.generated_code write

proto-check: dev ## fail unless the wire code is what proto/ generates
	$(PY) -m tests.architecture.generated_code check

docs: dev ## write docs/errors.md and the reference in docs/cli.md again from the code
	$(PY) -m tests.architecture.errors_page write
	$(PY) -m tests.cli.cli_page write

demo: install ## two agencies on this machine, from cards to receipts, into demo-output
	$(PY) -m psihash_client.demo demo-output

soak: dev ## the long tests, serially
	HYPOTHESIS_PROFILE=soak $(PYTEST) -m soak --timeout=0 --durations=20 $(ARGS)

figures: dev ## run every benchmarks/figures_*.py; takes long
	@found=0; for program in benchmarks/figures_*.py; do \
	  if [ -f "$$program" ]; then found=1; echo "$$program"; $(PY) "$$program"; fi; done; \
	test $$found -eq 1 || { echo "there is no benchmarks/figures_*.py to run" >&2; exit 1; }

lock: ## resolve requirements/*.txt anew from pyproject.toml; needs uv (make lock UV=path)
	@lock() { $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --upgrade --no-header --no-emit-index-url --no-emit-find-links "$$@"; }; \
	lock pyproject.toml --extra postgres -o requirements/run.txt; \
	lock pyproject.toml --extra dask -c requirements/run.txt -o requirements/dask.txt; \
	lock --group build -c requirements/run.txt -o requirements/build.txt; \
	lock --group native -c requirements/run.txt -o requirements/native.txt; \
	lock --group dev -c requirements/dask.txt -c requirements/build.txt -o requirements/dev.txt

clean: ## remove the environment and everything built
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf build dist demo-output src/rust/target src/rust/fuzz/target
	rm -rf src/rust/fuzz/corpus src/rust/fuzz/artifacts
	find . -path ./.git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# The steps of an installation. Each stamp says that its step is done for the files it depends on.

ifeq ($(MOVED),yes)
.venv/bin/python: FORCE
endif
.venv/bin/python:
	@found=; for candidate in $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3); do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	    >/dev/null 2>&1; then found=$$candidate; break; fi; done; \
	if [ -z "$$found" ]; then \
	  echo "psihash needs CPython 3.11, 3.12 or 3.13 with venv (Debian: apt install python3-venv);" >&2; \
	  echo "none of $(if $(PYTHON),$(PYTHON),python3.13 python3.12 python3.11 python3) will do." >&2; \
	  echo "Name one: make install PYTHON=/path/to/python3" >&2; exit 1; fi; \
	echo "creating .venv with $$("$$found" --version)"; \
	"$$found" -m venv --clear .venv; pwd -P > .venv/.where

.venv/.run: .venv/bin/python requirements/run.txt requirements/build.txt
	@echo "installing what psihash runs on"
	@$(PINNED) -r requirements/run.txt -r requirements/build.txt
	@touch $@

.venv/.package: .venv/.run pyproject.toml
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@
	@echo "installed: .venv/bin/psihash"

.venv/.dev: .venv/.run requirements/dev.txt requirements/dask.txt
	@echo "installing what the tests and checks need"
	@$(PINNED) -r requirements/dev.txt -r requirements/dask.txt
	@touch $@

# The native groups are faster, not needed: without a toolchain the plain ones serve. No stamp is
# left then, so that a toolchain that comes later is used.
.venv/.native: .venv/.package requirements/native.txt $(NATIVE_SOURCES)
	@if [ ! -f src/rust/Cargo.toml ]; then \
	  echo "no native part in this tree: the plain groups serve"; touch $@; \
	elif ! command -v cargo >/dev/null 2>&1; then \
	  echo "no cargo on this machine, so no native part: the plain groups serve, more slowly" >&2; \
	  test "$${PSIHASH_REQUIRE_NATIVE:-0}" != 1; \
	else \
	  echo "building the native part"; \
	  $(PINNED) -r requirements/native.txt; \
	  rm -rf .venv/wheels; \
	  .venv/bin/maturin build --quiet --release --locked --interpreter $(PY) \
	    --manifest-path src/rust/Cargo.toml --out .venv/wheels; \
	  $(PIP) --no-deps --no-index --force-reinstall .venv/wheels/*.whl; \
	  touch $@; \
	fi
