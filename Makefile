# Every target does its own set-up: a virtual environment in .venv with the pinned packages.
# Another interpreter: make test PYTHON=python3.13

PYTHON ?= python3
SEEDS ?= 50000
CASES ?= 2000
STORIES ?= 200
BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
LOCK := $(BIN)/uv pip compile --no-config --quiet --universal --generate-hashes \
	--python-version 3.11 --custom-compile-command "make lock"
FUNCTIONS := dispatcher upload status ask

export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help demo test terraform lint format docs package rate chaos simulate model fuzz browser
.PHONY: rehearse bench bench-full images lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## the whole system on this machine, on a folder of examples
	@$(BIN)/python -m local.demo

# A file's tests stay together and in order: no fixture of it is made twice, and stacks begin early.
test: $(READY) ## every test but the minutes-long ones, on two cores
	@$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder $(ARGS)

terraform: $(READY) ## fmt, validate and every Terraform test, for each environment
	@$(BIN)/pytest tests/terraform -m "" -n 2 --dist worksteal $(ARGS)

lint: $(READY) ## ruff, mypy and the import rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## lay the code out
	@$(BIN)/ruff check --select I --fix
	@$(BIN)/ruff format

docs: $(READY) ## tables of docs/configuration.md, deploy.md and limits.md, and docs/rehearsal.md
	@$(BIN)/python -m tests.docs.configuration_tables
	@$(BIN)/python -m tests.benchmarks.report.page_tables
	@$(BIN)/python -m local.rehearsal.page

package: $(READY) ## the deployable zips, byte for byte reproducible, in build/
	@$(BIN)/python -m local.packaging build

rate: $(READY) ## request rates measured in real time, minutes long
	@$(BIN)/python -m local.rate

chaos: $(READY) ## syncs while everything that can be killed, lost or refused is, minutes long
	@$(BIN)/python -m local.chaos $(ARGS)
	@$(BIN)/pytest tests/chaos -m chaos

simulate: $(READY) ## seeded runs on a virtual clock, and the broken variants they find; SEEDS=50000
	@SEEDS=$(SEEDS) $(BIN)/pytest tests/simulation -m "" -n 2 $(ARGS)

model: $(READY) ## random changes and syncs against a plain model, twins and stack; STORIES=200
	@STORIES=$(STORIES) $(BIN)/pytest tests/model -m model -n 2 $(ARGS)

fuzz: $(READY) ## the functions, asked for whatever their description allows and forbids; CASES=2000
	@CASES=$(CASES) $(BIN)/pytest tests/functions/test_described.py tests/functions/test_odd_tasks.py \
		-n 2 $(ARGS)

browser: $(READY) ## the page, and what a foreign one can do to a running stack, in a real Chromium
	@$(BIN)/pytest tests/browser -m browser -n 2 --dist loadscope $(ARGS)

rehearse: $(READY) ## a deployment's whole life; in a project: PROJECT=my-project KEY_FILE=gemini.key
	@$(BIN)/python -m local.rehearsal $(if $(PROJECT),--project "$(PROJECT)") \
		$(if $(KEY_FILE),--key-file "$(KEY_FILE)") $(ARGS)

bench: $(READY) ## every figure beside its goal and its baselines, in build/bench; a quarter of an hour
	@$(BIN)/python -m tests.benchmarks $(ARGS)

bench-full: $(READY) ## the same with whole days and more files; hours
	@$(BIN)/python -m tests.benchmarks --size full $(ARGS)

images: $(READY) ## renew the digests of the images that the pipeline runs in
	@$(BIN)/python -m local.terraform.images

lock: $(READY) ## pin dependencies anew; newest versions: make lock ARGS=--upgrade
	@$(LOCK) $(ARGS) --extra dev --output-file requirements/dev.txt pyproject.toml
	@$(LOCK) $(ARGS) --output-file requirements/java.txt requirements/java.in
	@$(LOCK) --constraint requirements/dev.txt --output-file requirements/uv.txt requirements/uv.in
	@for function in $(FUNCTIONS); do \
		$(LOCK) --no-annotate --constraint requirements/dev.txt \
			--output-file functions/$$function/requirements.txt \
			functions/$$function/requirements.in || exit; \
	done

clean: ## remove all that make made
	rm -rf .venv build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache *.egg-info

$(READY): requirements/uv.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is not. Name one: make PYTHON=python3.12" >&2; \
		exit 1; }
	@echo "Setting up .venv (half a minute the first time) ..." >&2
	@$(PYTHON) -m venv .venv
	@# The locks name all there is. Left to resolve extras, a pip before 23.3 looks past the pins.
	@$(PIP) install --no-deps --require-hashes --requirement requirements/uv.txt
	@# uv does not read pip's configuration: where an index is set there only, pip does the work.
	@$(BIN)/uv pip install --python $(BIN)/python --quiet --compile-bytecode --no-deps --require-hashes \
		--requirement requirements/dev.txt || { echo "Trying pip, which takes longer ..." >&2; \
		$(PIP) install --no-deps --require-hashes --requirement requirements/dev.txt; }
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
