# The only door. `make run` and `make test` set up what they need on a fresh Debian or Ubuntu.

SHELL := /bin/bash
.DEFAULT_GOAL := help
ARGS ?=
SECONDS_EACH ?= 600
SEEDS ?= 10000
WORKERS ?=
BASELINE ?=

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: setup-build ## build and start the server, in the foreground (make run ARGS="--domain example.org")
	@cargo build --release -p ruf
	@exec ./target/release/ruf serve $(ARGS)

test: setup-test ## everything that must hold: unit, flows, simulation, conformance, real phones
	cargo nextest run --workspace --no-fail-fast
	SIM_WORKERS=2 cargo nextest run -p ruf-sim --no-fail-fast
	SIM_WORKERS=4 cargo nextest run -p ruf-sim --no-fail-fast
	cargo test --workspace --doc -q
	$(MAKE) --no-print-directory sim SEEDS=1000
	$(MAKE) --no-print-directory interop
	$(MAKE) --no-print-directory interop WORKERS=2

check: setup-check ## format, lints, the laws of the house, dependencies, docs
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo xtask tidy
	cargo xtask rfc --check
	cargo deny --log-level error check bans licenses sources
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps -q

counts: setup-counts ## instructions and allocations of a message and of a call, against dev/bench/baseline.csv (make counts BASELINE=write)
	cargo build --release -q -p ruf-bench
	./target/release/ruf-bench counts dev/bench/baseline.csv $(BASELINE)

sim: setup-build ## the simulation: SEEDS seeds of one call, of one to several phones, of two restless phones, of a disk; and the planted mutants
	cargo run --release -q -p ruf-sim -- --seeds $(SEEDS) --loss 5
	cargo run --release -q -p ruf-sim -- --seeds $(SEEDS) --loss 5 --workers 2 --only-seeds --only servers
	cargo run --release -q -p ruf-sim -- --seeds $(SEEDS) --loss 5 --workers 4 --only-seeds --only servers

interop: setup-test ## conformance and real phones against the server (make interop WORKERS=4)
	cargo build --release -p ruf -p ruf-interop
	RUF_ARGS="$(RUF_ARGS) $(if $(WORKERS),--workers $(WORKERS))" ./target/release/ruf-interop all

fuzz: setup-fuzz ## fuzz each target for SECONDS_EACH seconds
	dev/fuzz run $(SECONDS_EACH)

fuzz-replay: setup-build ## replay the fuzz corpus
	cargo test -q -p ruf-fuzz-replay

bench: setup-bench ## our figures beside Kamailio's, in a quarter of an hour
	dev/bench/run

setup-build:
	@dev/setup build
setup-test:
	@dev/setup test
setup-check:
	@dev/setup check
setup-counts:
	@dev/setup counts
setup-fuzz:
	@dev/setup fuzz
setup-bench:
	@dev/setup bench

.PHONY: help run test check counts sim interop fuzz fuzz-replay bench setup-build setup-test setup-check setup-counts setup-fuzz setup-bench
