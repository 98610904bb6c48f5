# Everything a user or a contributor runs. Each target is safe to run again.
#
#   make run [FOOTAGE=/some/folder] [PORT=6699] [QUERY="words"]
#                                                 set up, analyse, search once, go on serving
#   make test                                     set up, lint, all tests, the end-to-end run, made-up requests,
#                                                 a run without a network, the trials in small, fuzzing
#   make fuzz [FUZZ_SECONDS=60] [TARGETS="query"]  hostile input for every parser, so long for each
#   make setup                                    what `make run` needs, without running it
#   make bench                                    the figures in bench/
#   make lint                                     format, clippy, and cargo-deny where it is there
#   make deny                                     installs cargo-deny first if needed
#   make clean                                    removes build results, sample media and analyses

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Quoted wherever they are used: a checkout may lie in a folder with spaces.
export RUSHES_CACHE := $(or $(RUSHES_CACHE),$(CURDIR)/.cache)
export CARGO_TARGET_DIR := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
export RUSHES_TEST_MEDIA ?= $(RUSHES_CACHE)/media
export FOOTAGE PORT QUERY

FUZZ_SECONDS ?= 60
TOOLS := $(RUSHES_CACHE)/tools
DENY := $(or $(shell command -v cargo-deny),$(TOOLS)/bin/cargo-deny)

.PHONY: help setup setup-test run test fuzz lint deny bench clean

help:
	@sed -n 's/^#   //p' Makefile

setup:
	@scripts/setup run

setup-test:
	@scripts/setup test

run: setup
	@scripts/run "$(CARGO_TARGET_DIR)/release/rushes"

test: setup-test lint
	cargo test --workspace --locked
	scripts/e2e "$(CARGO_TARGET_DIR)/debug/rushes"
	scripts/api-properties "$(CARGO_TARGET_DIR)/debug/rushes"
	scripts/offline "$(CARGO_TARGET_DIR)/debug/rushes"
	scripts/trial kills "$(CARGO_TARGET_DIR)/debug/rushes" --rounds 6 --clips 6
	scripts/trial pair "$(CARGO_TARGET_DIR)/debug/rushes" --files 60
	scripts/trial watch "$(CARGO_TARGET_DIR)/debug/rushes" --files 300 --seconds 8 --idle 10
	scripts/trial restore "$(CARGO_TARGET_DIR)/debug/rushes" --files 40
	scripts/fuzz $(FUZZ_SECONDS)

fuzz:
	scripts/fuzz $(FUZZ_SECONDS) $(TARGETS)

lint:
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@if [ -x "$(DENY)" ]; then "$(DENY)" --locked check licenses bans sources; \
	else echo "cargo-deny is not installed: licenses and sources were not checked (make deny)"; fi

# Built for a quick build: it runs for two seconds. The advisories come from a database on the
# network; without it the other three checks still count.
deny:
	@[ -x "$(DENY)" ] || CARGO_TARGET_DIR="$(TOOLS)/target" CARGO_PROFILE_RELEASE_LTO=off \
	CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	cargo install cargo-deny@0.20.2 --locked --root "$(TOOLS)"
	@rm -rf "$(TOOLS)/target"
	"$(DENY)" --locked check licenses bans sources
	"$(DENY)" --locked check advisories || echo "the advisories could not be checked, see above"

bench: setup
	scripts/bench

clean:
	cargo clean
	rm -rf "$(RUSHES_CACHE)/media" "$(RUSHES_CACHE)/analysis"
