# One word each; `make help` lists them.
.PHONY: help setup test quick lint demo bench docs clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: ## what every other word needs: .venv and the kernel
	@scripts/setup

test: setup ## everything: lint, types, layers, kernel, tests
	@scripts/check

quick: setup ## the tests without servers, in seconds
	@.venv/bin/python -m pytest tests/house tests/model tests/policy tests/mask tests/audit tests/sql

lint: setup ## style, types, layers, clippy
	@scripts/check lint

demo: setup ## a company, a gateway before it, a tour; ARGS=--once ends after the tour
	@.venv/bin/python -m sluice.faces.demo $(ARGS)

bench: setup ## side by side with the bare server and PgBouncer; ARGS=--quick for a first look
	@.venv/bin/python -m benchmarks $(ARGS)

docs: setup ## writes docs/reference anew
	@.venv/bin/python docs/reference/generate.py

clean: ## removes what was built
	@rm -rf .venv target .sluice src/sluice/_kernel*.so
