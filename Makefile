# The loop as targets. `make` alone lists them; CI and the hooks call the same targets.

SHELL := bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
override DATA_DIR := $(or $(value DATA_DIR),data)
AS_OF ?= $(shell sed -n 's/^AS_OF = "\(.*\)".*/\1/p' src/flights/config.py)
export DATA_DIR AS_OF
# Libraries send no telemetry.
export DO_NOT_TRACK = true
export MLFLOW_DISABLE_TELEMETRY = true
export ORT_DISABLE_TELEMETRY = 1
# A thread that waits for another sleeps: threads that spin make a fit next to other work six times slower.
export OMP_WAIT_POLICY ?= passive
# The sums here are short: BLAS's threads would wait for each other longer than they compute.
export OPENBLAS_NUM_THREADS ?= 1
# Libraries are compiled once, not by every process.
unexport PYTHONDONTWRITEBYTECODE
# This clone's code comes before any other on PYTHONPATH.
export PYTHONPATH := $(CURDIR)/src:$(CURDIR)$(addprefix :,$(value PYTHONPATH))
unexport PYTHONSAFEPATH PYTHONHOME
COMMA := ,
# Requests to this machine never go through a proxy.
override NO_PROXY := $(or $(value NO_PROXY),$(value no_proxy))
override NO_PROXY := $(NO_PROXY)$(if $(NO_PROXY),$(COMMA))127.0.0.1,localhost,::1
override no_proxy := $(NO_PROXY)
export NO_PROXY no_proxy

# $(call arguments,NAME ...): these count only if they are on make's command line. Recipes read them from their
# environment, as "$$NAME", so that no shell evaluates them. $(call option,NAME,name) is --name="$$NAME" if it is given.
argument = $(if $(filter command% override,$(origin $(1))),$(eval override $(1) := $$(value $(1))),$(eval override $(1) :=)) \
  $(eval $(if $(value $(1)),export,unexport) $(1))
arguments = $(foreach word,$(1),$(call argument,$(word)))
option = $(if $(value $(1)),--$(2)="$$$(1)")

# pip's and uv's settings of other projects are dropped, except for how to reach a registry.
REGISTRY := INDEX% EXTRA_INDEX% DEFAULT_INDEX FIND_LINKS NO_INDEX TRUSTED_HOST INSECURE_HOST CERT CLIENT_CERT NATIVE_TLS \
  SYSTEM_CERTS PROXY TIMEOUT DEFAULT_TIMEOUT HTTP% RETRIES CACHE_DIR NO_CACHE% KEYRING% CONFIG_FILE OFFLINE LINK_MODE \
  CONCURRENT% ROOT_USER_ACTION DISABLE_PIP_VERSION_CHECK PYTHON_DOWNLOADS
LEAKS := $(filter-out $(addprefix PIP_,$(REGISTRY)) $(addprefix UV_,$(REGISTRY)),$(filter PIP_% UV_%,$(.VARIABLES)))
unexport $(LEAKS)

VENV ?= .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m
INSTALLED := $(VENV)/installed
# $(call group,NAME): the stamp of an environment's group, which is installed from deploy/locks/NAME.lock.
group = $(INSTALLED) $(addprefix $(INSTALLED)-,$(1))
GROUPS := $(call group,$(filter-out torch,$(notdir $(basename $(wildcard deploy/locks/*.lock)))))
POSTGRES := $(if $(findstring postgres,$(PREDICTIONS_URL)),$(call group,postgres))
# uv if it is there, otherwise pip: both install the same pinned and hashed locks.
UV := $(shell command -v uv)
INSTALL := $(if $(UV),UV_PYTHON_DOWNLOADS=never uv pip install -q --python $(BIN)/python,$(BIN)/pip install -q --disable-pip-version-check)

# Make cannot name a file whose path holds a space, % or the like: it looks at such a DATA_DIR through a link.
DATA := $(or $(shell data='$(subst ','\'',$(DATA_DIR))'; case "$$data" in (*[!A-Za-z0-9/._,@+-]*) mkdir -p build; \
  link="build/data-$$(printf %s "$$data" | cksum | cut -d' ' -f1)"; case "$$data" in (/*) ;; (*) data="$$PWD/$$data";; esac; \
  ln -sfn "$$data" "$$link"; echo "$$link";; esac),$(DATA_DIR))
RAW := $(DATA)/1_raw
SPLITS := $(DATA)/2_splits/$(AS_OF)
CANDIDATE := $(DATA)/3_models/candidates/$(AS_OF)
CHAMPION := $(DATA)/3_models/flights/history/000001.json
LIBRARY := src/flights
# With ESTIMATOR or REFIT training is done again, after the libraries that it needs are installed.
FAMILY = $(if $(ESTIMATOR)$(REFIT),FORCE $(call group,$(filter lightgbm xgboost torch,$(ESTIMATOR:auto=lightgbm xgboost))))
export IMAGE ?= ml-loop
export BATCH_IMAGE ?= ml-loop-batch
export MLFLOW_PORT ?= 5000
GIT := env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE git
COMMIT = $(if $(wildcard .git),$(shell $(GIT) rev-parse HEAD)$(if $(shell $(GIT) status --porcelain 2>/dev/null),-dirty))
TOOLS := .venv-tools/installed

##@ The loop

train: $(CANDIDATE)/promotion.json ## Everything from raw data to a champion, or the reasons why not
	$(if $(wildcard pipelines/extras/summary.py),@$(RUN) pipelines.extras.summary)

serve: $(CHAMPION) $(POSTGRES) ## Answer on HOST:PORT with the champion (train first if there is none)
	@$(RUN) serving.app

replay: $(call group,replay) ## Send the live months FROM..TO to the running server, with outcomes as late as they were
	@$(RUN) monitoring.replay

monitor: $(call group,monitor) $(POSTGRES) ## Drift, performance and the decision, now or at NOW; fails if action is needed
	@$(RUN) monitoring.monitor

retrain: ## Train on what is known by AS_OF (say AS_OF=2013-12-01) and go through the same gates
	@$(MAKE) --no-print-directory train

rollback: $(INSTALLED) ## Make the previous champion champion again
	@$(RUN) pipelines.promote --rollback

mlflow: $(INSTALLED) ## Open MLflow's UI on the runs, at http://127.0.0.1:5000 (MLFLOW_PORT)
	@uri="$${MLFLOW_TRACKING_URI:-$$($(BIN)/python -c 'import sys; from flights.log_url import file_url; \
	  print(file_url(sys.argv[1]))' "$$DATA_DIR/3_models/mlflow.db")}"; case "$$uri" in \
	  (http://* | https://*) echo "mlflow    the runs are on a server: open $$uri" ;; \
	  (*) $(BIN)/python -c 'import socket, sys; socket.create_server(("127.0.0.1", int(sys.argv[1])))' "$$MLFLOW_PORT" 2>/dev/null || \
	    { echo "port MLFLOW_PORT=$$MLFLOW_PORT on 127.0.0.1 cannot be opened, it may be in use: make mlflow MLFLOW_PORT=5001" >&2; exit 1; }; \
	    exec $(BIN)/mlflow ui --backend-store-uri "$$uri" --host 127.0.0.1 --port "$$MLFLOW_PORT" ;; esac

##@ Its steps

collect: $(RAW)/manifest.json #- Read the source tables, join what was known two hours before departure
validate: $(RAW)/valid.parquet #- Validate the rows against the data contract; rejected rows go to quarantine
split: $(SPLITS)/manifest.json #- Train, validation, holdout and live, in the order of time
evaluate: $(CANDIDATE)/evaluation.json #- Measure the candidate on the holdout and run the gate
promote: $(CANDIDATE)/promotion.json #- Make the candidate champion if the gate passed it

# Only a data folder that was new or empty gets the marker without which `make clean` deletes nothing.
$(RAW)/manifest.json: $(INSTALLED) pipelines/collect.py $(wildcard pipelines/collection/*.py $(LIBRARY)/extras/feature_views/*.py) $(LIBRARY)/dataset.py
	@[ -n "$$(ls -A -- "$$DATA_DIR" 2>/dev/null)" ] || { mkdir -p -- "$$DATA_DIR" && touch "$$DATA_DIR/.ml-loop"; }
	@$(RUN) pipelines.collect
$(RAW)/valid.parquet: $(RAW)/manifest.json pipelines/validate.py pipelines/contract_check.py
	@$(RUN) pipelines.validate
$(SPLITS)/manifest.json: $(RAW)/valid.parquet pipelines/split.py pipelines/rows.py $(LIBRARY)/config.py
	@$(RUN) pipelines.split
$(CANDIDATE)/candidate.json: $(SPLITS)/manifest.json pipelines/train.py $(wildcard pipelines/training/*.py pipelines/checks/leakage.py $(LIBRARY)/exporters/*.py) $(addprefix $(LIBRARY)/,features.py feature_set.py heuristic.py model.py portable.py) $(FAMILY)
	@$(RUN) pipelines.train
$(CANDIDATE)/evaluation.json: $(CANDIDATE)/candidate.json pipelines/evaluate.py pipelines/check.py pipelines/gate.py $(wildcard pipelines/checks/*.py pipelines/evaluation/*.py) $(addprefix $(LIBRARY)/,evaluation.py ranking.py resampling.py) $(if $(REPLACE_CHAMPION),FORCE)
	@$(RUN) pipelines.evaluate
$(CANDIDATE)/promotion.json: $(CANDIDATE)/evaluation.json pipelines/promote.py
	@$(RUN) pipelines.promote
FORCE:  # a prerequisite that is always newer
$(CHAMPION):
	@$(MAKE) --no-print-directory train

##@ Quality

# With RESULTS=FOLDER each test run leaves its outcomes there, as JUnit reports.
REPORT = $(if $(value RESULTS),--junitxml="$$RESULTS/$@$(1).xml")
test: $(call group,test lint docs monitor lightgbm xgboost) ## The tests that hold for any data (some minutes on two cores)
	@$(RUN) coverage erase
	@OMP_NUM_THREADS=1 $(RUN) pytest -m "not heavy and not exhibit" --cache-clear -n 2 --dist loadfile --durations 15 --cov --cov-report=term $(REPORT)

test-exhibit: $(GROUPS) #- The tests of this example: its data, figures, texts and drills
	@OMP_NUM_THREADS=1 $(RUN) pytest -m "exhibit and not heavy" -n 2 --dist loadfile $(REPORT)

test-quick: $(call group,test lightgbm xgboost) #- The library's and the pipelines' tests: enough to try another Python
	@OMP_NUM_THREADS=1 $(RUN) pytest -m "not exhibit" -k "not torch" -n 2 --dist loadfile tests/flights tests/pipelines

# These heavy tests measure time, or share the names of containers and reports: nothing else runs next to them.
ALONE := $(wildcard tests/serving/test_faults.py tests/serving/extras/shadow tests/serving/extras/connection_limits tests/deploy tests/extras/benchmarks tests/test_makefile.py)
test-heavy: $(GROUPS) $(call group,torch) $(TOOLS) #- The tests that take longer: fault injection, fuzzing, long replays
	@$(RUN) pytest -m heavy $(ALONE) $(call REPORT,-alone)
	@OMP_NUM_THREADS=1 $(RUN) pytest -m heavy -n 2 $(addprefix --ignore ,$(ALONE)) $(REPORT)

lint: $(call group,lint) ## Formatting, lint, types and the import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.core
	@$(BIN)/python -m tests.style

format: $(call group,lint) ## Format, and fix what the linter can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(GROUPS) ## Regenerate the generated parts of the README and docs/
	@$(RUN) docs.generate

docs-check: $(GROUPS) #- Run the commands of the README and docs/, except those that take long, and compare the output
	@$(RUN) docs.generate --check

tables: $(call group,docs) #- Check only the tables and the diagram of the README and docs/: seconds
	@$(RUN) docs.generate --check --tables

notebook: $(SPLITS)/manifest.json $(call group,notebook) #- Execute notebooks/explore.py and leave it as notebook and page in the reports
	@mkdir -p "$$DATA_DIR/5_reports" && reports="$$(cd "$$DATA_DIR/5_reports" && pwd)" && \
	  $(BIN)/jupytext --quiet --to ipynb --output "$$reports/explore.ipynb" notebooks/explore.py && \
	  DATA_DIR="$${reports%/*}" $(BIN)/jupyter nbconvert --log-level ERROR --execute --to html "$$reports/explore.ipynb"
	@echo "open $$DATA_DIR/5_reports/explore.html"

hooks: $(INSTALLED) $(TOOLS) #- Install git hooks that call these targets before a commit and a push
	@.venv-tools/bin/pre-commit install

##@ Housekeeping

install: $(INSTALLED) ## Make .venv for train and serve; other targets add what they need on first use

install-dev: $(GROUPS) #- Install every group except PyTorch

# One resolution for everything, from which each lock takes its part. A group's lock is what it adds to requirements.lock.
COMPILE = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q
PINNED = -c build/all.lock
lock: #- Write the locks; pins stay unless pyproject.toml forbids them or UPGRADE=1 (needs uv)
	@mkdir -p build && cat requirements.lock deploy/locks/*.lock deploy/serving.lock deploy/batch.lock > build/all.lock
	@$(COMPILE) --all-extras $(if $(UPGRADE),--upgrade) -o build/all.lock
	@$(COMPILE) --extra pipelines --extra serving $(PINNED) -o requirements.lock
	@$(COMPILE) --extra serving --extra postgres $(PINNED) -o deploy/serving.lock
	@$(COMPILE) --extra pipelines --extra monitor --extra postgres --extra cluster $(PINNED) -o deploy/batch.lock
	@core="$$(sed -n 's/^\([a-z0-9][a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock | sort -u)"; \
	  for lock in deploy/locks/*.lock; do name="$$(basename "$$lock" .lock)"; \
	    $(COMPILE) --extra pipelines --extra serving --extra "$$name" $(PINNED) $$core -o "$$lock" && \
	    sed -i.old -e '/^#/d' -e '/^$$/d' "$$lock" && rm "$$lock.old" || exit 1; done
	@for names in $(basename $(wildcard deploy/*.in deploy/*/*.in)); do uv pip compile $$names.in --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-emit-index-url --no-header $(if $(UPGRADE),--upgrade) -q -o $$names.lock || exit 1; done

DATA_PARTS := $(foreach part,1_raw 2_splits 3_models 4_predictions 5_reports,"$$DATA_DIR/$(part)")
clean: ## Delete what the loop made: data, models, the log, reports, environments, caches
	@if [ ! -e "$$DATA_DIR/.ml-loop" ] && [ -n "$$(ls -d -- $(DATA_PARTS) 2>/dev/null)" ]; then \
	  echo "DATA_DIR=$$DATA_DIR has no marker .ml-loop, so it may hold files of others: nothing was deleted; delete the folder yourself, or touch \"$$DATA_DIR/.ml-loop\" and run make clean again" >&2; \
	  exit 1; fi
	@[ ! -e "$$DATA_DIR/.ml-loop" ] || rm -rf -- $(DATA_PARTS)
	@rm -rf .venv .venv-* .uv build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage* *.egg-info src/*.egg-info

$(call arguments,UPGRADE RESULTS)
# Each extra brings its own targets, and takes them along when it is deleted.
-include extras/*/targets.mk serving/extras/*/targets.mk deploy/targets.mk

LIST = awk 'BEGIN { FS = ":.*\#[\#-] " } /^\#\#@/ { section = "\n" substr($$0, 5) } \
  /^[a-z-]+:.*$(1)/ { if (section) print section; section = ""; printf "  make %-16s %s\n", $$1, $$2 }'
help:
	@$(call LIST,\#\# ) $(firstword $(MAKEFILE_LIST))
	@printf '\nThe steps one by one, the extras and the checks: make help-all\n'
help-all: #- List these targets, the steps, the checks and the extras
	@$(call LIST,\#[\#-] ) $(MAKEFILE_LIST)

# The build tool comes first and from the lock: the data is a source package, and building it must not fetch anything.
$(INSTALLED): requirements.lock pyproject.toml
	@$(if $(word 2,$(VENV)),echo "VENV=$(VENV) holds a space: name a folder without one" >&2; exit 1)
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(sys.version_info < (3, 11) and f"expected Python >= 3.11, got {v}: make train PYTHON=python3.12")'
	@$(if $(LEAKS),echo "ignoring $(LEAKS): settings of pip and uv that would change this environment")
	@echo "installing the pinned environment into $(VENV) (once; up to two minutes)"
	@$(PYTHON) -m venv $(VENV)
	@$(if $(UV),,$(CHECK_PIP))
	@sed -n '/^setuptools==/,/[^\]$$/p' requirements.lock > $(VENV)/build.lock
	@$(INSTALL) --require-hashes --no-deps -r $(VENV)/build.lock
	@$(INSTALL) --require-hashes --no-build-isolation --no-deps -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(INSTALLED)-%: deploy/locks/%.lock | $(INSTALLED)
	@echo "installing the group $* into $(VENV) (once)"
	@$(INSTALL) --require-hashes --no-build-isolation --no-deps -r $<
	@touch $@

# PyTorch is in no lock: that would pin the GPU libraries of PyPI's build for Linux, several GB. So pip takes the build
# that its configuration finds first, from an index or a folder, with or without uv; all else comes from the lock.
TORCH := torch==2.13.0
$(INSTALLED)-torch: deploy/locks/torch.lock | $(INSTALLED)
	@echo "installing the group torch into $(VENV) (once; for Linux, PyPI has a build of several GB and others have one for CPUs)"
	@$(INSTALL) --require-hashes --no-build-isolation --no-deps -r $<
	@$(BIN)/pip install -q --disable-pip-version-check $(TORCH)
	@touch $@

# A configuration file of pip that installs elsewhere or otherwise is named.
CHECK_PIP = set -e; names="$$($(BIN)/pip config list | sed -n -E 's/^(global|install)\.(user|target|prefix|root|only-binary|no-binary|platform|python-version|implementation|abi|dry-run|ignore-installed|constraint|pre)=.*/\1.\2/p' | tr '\n' ' ')"; \
  [ -z "$$names" ] || { echo "pip's configuration sets $$names, with which this environment cannot be installed: remove it with pip config unset, or set PIP_CONFIG_FILE=/dev/null" >&2; exit 1; }

$(TOOLS): deploy/tools.lock
	@echo "installing the tools that check and ship into .venv-tools (once)"
	@$(PYTHON) -m venv .venv-tools
	@sed -n '/^setuptools==/,/[^\]$$/p' $< > .venv-tools/build.lock
	@$(subst $(BIN),.venv-tools/bin,$(INSTALL)) --require-hashes --no-deps -r .venv-tools/build.lock
	@$(subst $(BIN),.venv-tools/bin,$(INSTALL)) --require-hashes --no-build-isolation --no-deps -r $<
	@touch $@

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(MAKEFILE_LIST))
