# Everything runs on the Node that package.json pins: npm brings it where the machine's own is older.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

ARCH := $(subst x86_64,x64,$(subst aarch64,arm64,$(shell uname -m)))
export PATH := $(CURDIR)/node_modules/node-linux-$(ARCH)/bin:$(CURDIR)/node_modules/.bin:$(PATH)

DEPS := node_modules/.package-lock.json
NAME ?= demo

$(DEPS): package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or later" >&2; exit 1; }
	@echo "installing packages"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

##@ Start here
.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*##/ {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(DEPS) ## A throwaway cluster with the operator and a sample: a hot change, a restart, and what is said of them
	@node test/demo/main.ts --name $(NAME)

.PHONY: test
test: $(DEPS) ## Everything: generated files, lint, types, architecture, unit, integration and end-to-end tests
	@node test/run.ts

##@ While you work
.PHONY: generate
generate: $(DEPS) ## Write what is generated from the schema: crds/, types.gen.ts, docs/api.md
	@node src/codegen/generate.ts

.PHONY: verify
verify: $(DEPS) ## Fail where a generated file is stale
	@node src/codegen/generate.ts --check

.PHONY: format
format: $(DEPS) ## Format the code
	@prettier --log-level warn --write .

.PHONY: lint
lint: $(DEPS) ## Format, rules, unused code, and who may import whom
	@prettier --log-level warn --check .
	@eslint .
	@knip
	@depcruise --config .dependency-cruiser.mjs src

.PHONY: typecheck
typecheck: $(DEPS) ## Check types
	@tsc -p .

.PHONY: unit
unit: $(DEPS) ## Unit and architecture tests
	@node test/run.ts unit architecture

.PHONY: integration
integration: $(DEPS) ## Tests against a real API server (no root needed)
	@node test/run.ts integration

.PHONY: e2e
e2e: $(DEPS) ## Tests on a real node (root on Linux, or CLUSTER=current OPERATOR_IMAGE=…)
	@node test/run.ts e2e

.PHONY: bench
bench: $(DEPS) ## Measure on a real cluster; BENCH="--help" for what can be chosen, --peer included
	@node test/bench/main.ts $(BENCH)

##@ A cluster to try things on
.PHONY: cluster
cluster: $(DEPS) ## Start a one-node Kubernetes here (NAME=demo)
	@node test/cluster/main.ts up --name $(NAME)

.PHONY: cluster-down
cluster-down: $(DEPS) ## Take it down, with all that it started
	@node test/cluster/main.ts down --name $(NAME)

##@ The operator
.PHONY: build
build: $(DEPS) ## Bundle it, the kubectl plugin and the package for applications into dist/
	@node config/bundle/bundle.ts

.PHONY: package
package: $(DEPS) ## Pack what applications install (reload-operator/watcher), ready to be published
	@node config/bundle/package.ts

.PHONY: image
image: build ## Build its image (localhost/reload-operator:dev) and print where the archive lies (root on Linux)
	@node test/cluster/main.ts image

.PHONY: install
install: ## Install the CRDs into the current cluster
	@kubectl apply -k crds

.PHONY: run
run: $(DEPS) install ## Run it here, against the current cluster
	@node src/main.ts $(ARGS)

.PHONY: deploy
deploy: ## Install CRDs, rights, admission policies and the operator into the current cluster
	@kubectl apply -k config/default
