# The loop as targets. `make` alone lists them; CI and the hooks use the same words.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
DATA_DIR ?= data
AS_OF ?= $(shell sed -n 's/^AS_OF = "\(.*\)".*/\1/p' src/flights/config.py)
export DATA_DIR AS_OF
# Nothing phones home; the libraries' own words for it.
export DO_NOT_TRACK = true
export MLFLOW_DISABLE_TELEMETRY = true
export ORT_DISABLE_TELEMETRY = 1

VENV ?= .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m
INSTALLED := $(VENV)/installed
# uv where there is one, else pip: both install the same pinned and hashed lock.
INSTALL := $(if $(shell command -v uv),UV_PYTHON_DOWNLOADS=never uv pip install -q --python $(BIN)/python,$(BIN)/pip install -q --disable-pip-version-check)

RAW := $(DATA_DIR)/1_raw
SPLITS := $(DATA_DIR)/2_splits/$(AS_OF)
CANDIDATE := $(DATA_DIR)/3_models/candidates/$(AS_OF)
CHAMPION := $(DATA_DIR)/3_models/flights/history/000001.json
LIBRARY := src/flights
IMAGE ?= ml-loop
BATCH_IMAGE ?= ml-loop-batch
COMMIT = $(shell git rev-parse HEAD 2>/dev/null)$(if $(shell git status --porcelain 2>/dev/null),-dirty)
TOOLS := .venv-tools/installed

##@ The loop

train: $(CANDIDATE)/promotion.json ## Everything from raw data to a champion, or the reasons why not
	@$(RUN) pipelines.summary

serve: $(CHAMPION) ## Answer on HOST:PORT with the champion (train first where there is none)
	@$(RUN) serving.app

replay: $(INSTALLED) ## Send the live months FROM..TO to the running server, with outcomes as late as they were
	@$(RUN) monitoring.replay

monitor: $(INSTALLED) ## Drift, performance and the decision; exit code 1 when somebody must act
	@$(RUN) monitoring.monitor

retrain: ## Train on what is known by AS_OF (say AS_OF=2013-12-01) and go through the same gates
	@$(MAKE) --no-print-directory train

loop: $(INSTALLED) ## The whole circle, unattended: train, serve, replay, monitor, decide, retrain
	@$(RUN) pipelines.loop

##@ Its steps

collect: $(RAW)/manifest.json ## Read the source tables, join what was known two hours before departure
validate: $(RAW)/valid.parquet ## Hold the rows against the contract; refused rows go to quarantine
split: $(SPLITS)/manifest.json ## Train, validation, holdout and live, in the order of time
evaluate: $(CANDIDATE)/evaluation.json ## Measure the candidate on the holdout and ask the gate
promote: $(CANDIDATE)/promotion.json ## Make the candidate champion if the gate passed it
rollback: $(INSTALLED) ## Make the previous champion champion again
	@$(RUN) pipelines.promote --rollback
mlflow: $(INSTALLED) ## Open MLflow's UI on the local runs, at http://127.0.0.1:5000
	@$(BIN)/mlflow ui --backend-store-uri sqlite:///$(DATA_DIR)/3_models/mlflow.db --host 127.0.0.1 --port 5000

$(RAW)/manifest.json: $(INSTALLED) pipelines/collect.py $(wildcard pipelines/conditions.py) $(LIBRARY)/dataset.py
	@$(RUN) pipelines.collect
$(RAW)/valid.parquet: $(RAW)/manifest.json pipelines/validate.py
	@$(RUN) pipelines.validate
$(SPLITS)/manifest.json: $(RAW)/valid.parquet pipelines/split.py $(LIBRARY)/config.py
	@$(RUN) pipelines.split
$(CANDIDATE)/candidate.json: $(SPLITS)/manifest.json pipelines/train.py pipelines/calibration.py $(addprefix $(LIBRARY)/,features.py heuristic.py model.py portable.py)
	@$(RUN) pipelines.train
$(CANDIDATE)/evaluation.json: $(CANDIDATE)/candidate.json $(addprefix pipelines/,evaluate.py gate.py holdout.py slices.py) $(LIBRARY)/evaluation.py $(if $(REPLACE_CHAMPION),FORCE)
	@$(RUN) pipelines.evaluate
$(CANDIDATE)/promotion.json: $(CANDIDATE)/evaluation.json pipelines/promote.py
	@$(RUN) pipelines.promote
FORCE:  # a prerequisite that is always newer
$(CHAMPION):
	@$(MAKE) --no-print-directory train

##@ Quality

test: $(INSTALLED) ## The tests that hold for any data (under 10 minutes on two cores)
	@$(RUN) coverage erase
	@OMP_NUM_THREADS=1 $(RUN) pytest -m "not heavy and not exhibit" --cache-clear -n 2 --dist loadfile --durations 15 --cov --cov-report=term

test-exhibit: $(INSTALLED) ## The tests of this example: its data, figures, texts and drills
	@OMP_NUM_THREADS=1 $(RUN) pytest -m "exhibit and not heavy" -n 2 --dist loadfile

test-quick: $(INSTALLED) ## The library's and the pipelines' tests: enough to try another Python
	@OMP_NUM_THREADS=1 $(RUN) pytest -m "not heavy and not exhibit" -n 2 --dist loadfile tests/flights tests/pipelines

test-heavy: $(INSTALLED) $(TOOLS) ## The tests that take longer: fault injection, fuzzing, long replays
	@$(RUN) pytest -m heavy

lint: $(INSTALLED) ## Formatting, lint, types and the import contract
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(INSTALLED) ## Format, and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs-check: $(INSTALLED) ## Run the commands of the README and docs/, but for what takes long, and compare what they print
	@$(RUN) docs.generate --check

docs: $(INSTALLED) ## Make again what is generated in the README and docs/
	@$(RUN) docs.generate

tables: $(INSTALLED) ## Check the tables and the diagram of the README and docs/ alone: seconds
	@$(RUN) docs.generate --check --tables

notebook: $(SPLITS)/manifest.json ## Execute notebooks/explore.py and leave it as notebook and page in the reports
	@mkdir -p $(DATA_DIR)/5_reports
	@$(BIN)/jupytext --quiet --to ipynb --output $(DATA_DIR)/5_reports/explore.ipynb notebooks/explore.py
	@DATA_DIR=$(abspath $(DATA_DIR)) $(BIN)/jupyter nbconvert --log-level ERROR --execute --to html \
	  $(DATA_DIR)/5_reports/explore.ipynb
	@echo "look at $(DATA_DIR)/5_reports/explore.html"

hooks: $(INSTALLED) $(TOOLS) ## Install git hooks that call these targets before a commit and a push
	@.venv-tools/bin/pre-commit install

##@ Housekeeping

install: $(INSTALLED) ## Make .venv and install the pinned and hashed lock

lock: ## Pin every dependency anew (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --upgrade -q -o requirements.lock
	uv pip compile pyproject.toml --extra serving -c requirements.lock --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements-serving.lock
	uv pip compile pyproject.toml --extra pipelines --extra monitoring --extra cluster -c requirements.lock --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements-batch.lock
	uv pip compile deploy/tools.in --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --upgrade -q -o deploy/tools.lock

clean: ## Forget everything made: data, models, the environment, caches
	find $(DATA_DIR) -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
	rm -rf $(VENV) .venv-* .uv build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage* *.egg-info src/*.egg-info

# Each extra brings its own targets, and takes them along when it is deleted.
-include extras/*/targets.mk deploy/targets.mk

LIST = awk 'BEGIN { FS = ":.*\#\# " } /^\#\#@/ { printf "\n%s\n", substr($$0, 5) } \
  /^[a-z-]+:.*\#\# / { printf "  make %-16s %s\n", $$1, $$2 }'
help:
	@$(LIST) $(firstword $(MAKEFILE_LIST))
help-all: ## The targets above and those of the extras
	@$(LIST) $(MAKEFILE_LIST)

# The build tool comes first and from the lock: the data is a source package, and building it must not fetch anything.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(sys.version_info < (3, 11) and f"expected Python >= 3.11, got {v}: make train PYTHON=python3.12")'
	@echo "installing the pinned environment into $(VENV) (once; one to three minutes)"
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^setuptools==/,/[^\\]$$/p' requirements.lock > $(VENV)/build.lock
	@$(INSTALL) --require-hashes --no-deps -r $(VENV)/build.lock
	@$(INSTALL) --require-hashes --no-build-isolation --no-deps -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(TOOLS): deploy/tools.lock
	@echo "installing the tools that check and ship into .venv-tools (once)"
	@$(PYTHON) -m venv .venv-tools
	@sed -n '/^setuptools==/,/[^\\]$$/p' $< > .venv-tools/build.lock
	@$(subst $(BIN),.venv-tools/bin,$(INSTALL)) --require-hashes --no-deps -r .venv-tools/build.lock
	@$(subst $(BIN),.venv-tools/bin,$(INSTALL)) --require-hashes --no-build-isolation --no-deps -r $<
	@touch $@

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(MAKEFILE_LIST))
