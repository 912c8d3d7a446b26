# Everything is a target here; CI calls nothing else.
GO      ?= go
BIN     := bin
ADDR    := github.com/Shopify/toxiproxy/v2
VERSION := v2.12.0

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/harness
	@mkdir -p $(BIN)
	$(GO) build -trimpath -o $(BIN)/harness ./cmd/harness

run: build ## run the built-in suites on the peers compiled in
	$(BIN)/harness run scenarios/

test: tools build fixtures ## run every test, with the race detector; installs what Debian has when root
	$(BIN)/harness run scenarios/ --quiet
	$(GO) vet ./...
	$(GO) test -race $$($(GO) list ./... | grep -v /fixtures$$)
	$(GO) test -v -run 'TestProof|TestRealSoftware' ./fixtures
	$(GO) test -race -skip 'TestProof|TestRealSoftware' ./fixtures

zoo: tools build fixtures ## judge the harness by programs whose bugs are known: the matrix program x scenario
	NODE_EXTRA_CA_CERTS= PATH="/usr/bin:$$PATH:/usr/sbin" $(BIN)/harness run --config fixtures/harness.yaml --zoo --sweep 24 --procs $$((8 * $$(nproc)))

race: ## run the Go tests only, ten times, with the race detector
	$(GO) test -race -count=10 ./harness/... ./toxics/...

lint: ## formatting, vet, and that it compiles for darwin and windows
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	$(GO) mod tidy -diff
	$(GO) mod verify

bench: tools build $(BIN)/toxiproxy-server ## compare direct, ours, toxiproxy-server, HAProxy and nginx in one run
	$(GO) run ./cmd/bench -toxiproxy $(BIN)/toxiproxy-server

fixtures: ## build the fixture programs in C and Go
	@fixtures/build.sh

tools: ## install or name the programs that tests want
	@fixtures/tools.sh

clean: ## remove what was built
	rm -rf $(BIN)

$(BIN)/toxiproxy-server:
	@mkdir -p $(BIN)
	GOBIN=$(abspath $(BIN)/tmp) $(GO) install $(ADDR)/cmd/server@$(VERSION)
	mv $(BIN)/tmp/server $@

.PHONY: help build run test zoo race lint bench fixtures tools clean
