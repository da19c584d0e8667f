# Every verb that a person types. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet

# make up PORT=4566 SERVICE_TIME=0.2 RUNTIMES=sdwebui,dynamic,comfyui
# make up SDWEBUI_URL=http://127.0.0.1:7860 COMFYUI_URL=http://127.0.0.1:8188
PORT ?= 0
SERVICE_TIME ?= 1.0
RUNTIMES ?= sdwebui
STACK_OPTIONS := --port "$(PORT)" --service-time "$(SERVICE_TIME)" --runtimes "$(RUNTIMES)" \
	--sdwebui-url "$(SDWEBUI_URL)" --comfyui-url "$(COMFYUI_URL)" $(if $(TRACES),--traces)

FUNCTIONS_SOURCES := $(wildcard contract/easel_contract/*.py records/easel_records/*.py \
	egress/easel_egress/*.py lambda/*/*.py) requirements/lambda.txt packaging/easel_packaging/package_functions.py

.PHONY: help
help: ## list the verbs
	@awk 'BEGIN {FS = ":.*## "} /^# --/ {print "\n" substr($$0, 6)} \
	  /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# -- the local stack: all of easel on this machine, no AWS account

.PHONY: demo
demo: local-setup build/functions-local.zip ## bring it up, make a picture with each of RUNTIMES, print their paths, take it down
	@$(RUN) -m easel_local demo $(STACK_OPTIONS)

.PHONY: up
up: local-setup build/functions-local.zip ## bring it up and leave it running
	@$(RUN) -m easel_local up $(STACK_OPTIONS)

.PHONY: status
status: local-setup ## show what runs, queue depths and the last results
	@$(RUN) -m easel_local status

.PHONY: down
down: local-setup ## take it down
	@$(RUN) -m easel_local down

# -- a region on AWS; with LOCAL=1 on this machine's emulator

# make plan ENV=us-east-1        make apply ENV=us-east-1 TF_ARGS=-auto-approve
ESTATE = $(if $(LOCAL),$(RUN) -m easel_local.estate,scripts/estate)

# make deploy ENV=us-west-2           make deploy ENV=us-east-1 LOCAL=1 DEPLOY_ARGS="--yes -t comfyui"
.PHONY: deploy
deploy: package ## from nothing to a stack: models, images, snapshot, settings, apply, verify
	@$(if $(LOCAL),EASEL_ESTATE="$(RUN) -m easel_local.estate") $(VENV)/bin/easel deploy \
	  $(if $(ENV),--region "$(ENV)") $(DEPLOY_ARGS)

.PHONY: plan
plan: package ## show what an apply would change (ENV=us-east-1)
	@$(ESTATE) plan "$(ENV)" $(TF_ARGS)

.PHONY: apply
apply: package ## make it so
	@$(ESTATE) apply "$(ENV)" $(TF_ARGS)

.PHONY: output
output: local-setup ## print endpoint, key command, topic, how to reach the cluster
	@$(ESTATE) output "$(ENV)" $(TF_ARGS)

.PHONY: destroy
destroy: package ## take all of it down but pictures and models
	@$(ESTATE) destroy "$(ENV)" $(TF_ARGS)

.PHONY: validate
validate: local-setup ## check the region's Terraform code without AWS
	@scripts/estate validate "$(ENV)"

.PHONY: fmt
fmt: prerequisites ## rewrite all Terraform code in the one format
	@terraform fmt -recursive

# -- tests and checks

# Two groups of tests beside each other (tests/conftest.py).
PYTEST_ARGS ?= --numprocesses 2

# Where this is set, each of some hundred processes compiles easel, and pytest its plugins, anew.
test: export PYTHONDONTWRITEBYTECODE :=
.PHONY: test
test: dev-setup build/functions-local.zip build/functions-aws.zip ## run all tests
	@$(RUN) -m pytest $(PYTEST_ARGS)

.PHONY: check
check: dev-setup ## format, lint, types, terraform, shell, Dockerfile
	@scripts/check

.PHONY: bench
bench: dev-setup ## measure the queue agent: GPU utilisation, gaps, rate, memory (BENCH_ARGS=--quick)
	@$(RUN) -m tests.bench $(BENCH_ARGS)

# make load                          make load LOAD_ARGS="day --rate 5 --seconds 600"
# make load ENV=us-east-1 LOAD_ARGS="ramp --rate 2 --max-tasks 200"
.PHONY: load
load: dev-setup ## how much a stack takes, and what limits it (LOAD_ARGS=--help, ENV=us-east-1)
	@$(RUN) -m easel_load $(LOAD_ARGS) $(if $(ENV),--env "$(ENV)")

.PHONY: soak
soak: dev-setup ## ten minutes of random faults (SOAK_ARGS="--tasks 1000 --seconds 600 --seed 1")
	@$(RUN) -m tests.faults.soak $(SOAK_ARGS)

.PHONY: fuzz
fuzz: dev-setup ## 100,000 messages for an agent, 10,000 requests for the API (FUZZ_ARGS="messages --seed 2")
	@$(RUN) -m tests.fuzz $(FUZZ_ARGS)

.PHONY: scan
scan: local-setup $(VENV)-scan/.ready ## look for insecure configuration with checkov
	@scripts/scan
	@scripts/scan-charts

.PHONY: audit
audit: $(VENV)-scan/.ready ## look for known vulnerabilities of the pinned Python packages
	@$(VENV)-scan/bin/python scripts/audit

.PHONY: pins
pins: local-setup ## list what is pinned, its last day, and what its makers have newest
	@$(RUN) -m easel_deploy.pins

.PHONY: sbom
sbom: build/functions-aws.zip $(VENV)-scan/.ready ## list what functions and agent bring along (CycloneDX)
	@scripts/sbom

.PHONY: format
format: dev-setup ## rewrite all code in the one format
	@$(VENV)/bin/ruff check --fix --select I --quiet .
	@$(VENV)/bin/ruff format .
	@$(MAKE) fmt

# -- packages

.PHONY: package
package: local-setup build/functions-aws.zip build/functions-local.zip ## pack the functions' zips

build/functions-%.zip: $(FUNCTIONS_SOURCES) | local-setup
	@echo "packing $@"
	@$(RUN) -m easel_packaging.package_functions $* $@

# make image                                 make image IMAGE=sd-webui PUSH=1 REGION=us-east-1
# make image PUSH=easel/queue-agent TAG=0.1.1   make image IMAGE_ARGS="--builder podman"
IMAGE ?= queue-agent
IMAGE_OPTIONS = $(if $(PUSH),--push) $(if $(filter-out 1,$(PUSH)),--repository "$(PUSH)") \
	$(if $(TAG),--tag "$(TAG)") $(if $(REGION),--region "$(REGION)") $(IMAGE_ARGS)

.PHONY: image
image: local-setup ## build the agent's image, or IMAGE=sd-webui, comfyui; PUSH=1 pushes it to ECR
	@$(RUN) -m easel_packaging.image "$(IMAGE)" $(IMAGE_OPTIONS)

.PHONY: openapi
openapi: local-setup ## write docs/openapi.yaml from the contract
	@$(RUN) -m easel_packaging.openapi

.PHONY: settings
settings: local-setup ## write the agent's settings into chart, modules and tables
	@$(RUN) -m easel_packaging.agent_settings

.PHONY: requirements
requirements: $(VENV)/.tools ## compile requirements/*.in to *.txt with hashes
	@scripts/compile-requirements

.PHONY: clean
clean: ## remove environments, build outputs and caches
	@scripts/nothing-is-up .easel $(if $(EASEL_HOME),"$(EASEL_HOME)")
	@rm -rf $(VENV) $(VENV)-scan build dist .easel .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

include charts/Makefile.inc

# set-up; every verb does its own

.PHONY: prerequisites
prerequisites:
	@scripts/prerequisites $(PYTHON)

.PHONY: local-setup
local-setup: prerequisites $(VENV)/.local

.PHONY: dev-setup
dev-setup: prerequisites $(VENV)/.dev

$(VENV)/bin/python: | prerequisites
	@echo "making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.local: requirements/local.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing what the local stack needs"
	@$(PIP) install --require-hashes --requirement requirements/local.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.local
	@echo "installing what tests and checks need"
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@

$(VENV)/.tools: requirements/tools.txt | $(VENV)/bin/python
	@$(PIP) install --require-hashes --requirement requirements/tools.txt
	@touch $@

$(VENV)-scan/.ready: requirements/scan.txt | prerequisites
	@echo "making the virtual environment $(VENV)-scan for checkov, syft and pip-audit"
	@$(PYTHON) -m venv $(VENV)-scan
	@$(VENV)-scan/bin/python -m pip --disable-pip-version-check --quiet install \
	  --require-hashes --requirement requirements/scan.txt
	@touch $@
