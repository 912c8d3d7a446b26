# Everything is a target here; CI calls nothing else.
GO      ?= go
BIN     := bin
ADDR    := github.com/Shopify/toxiproxy/v2
VERSION := v2.12.0

# Most tests wait more than they compute, and lint has vetted everything.
TESTED  := -vet=off -p $$((2 * $$(nproc)))
# What has no tests need not be compiled for them.
HAVETESTS := '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}'
# Else each program with the race detector sleeps for a second before it exits.
export GORACE := atexit_sleep_ms=0

# The interpreter itself: the shim of a version manager takes ten times as long to start.
PYTHON_FOLDER := $(shell python3 -c 'import os, sys; print(os.path.dirname(sys.executable))' 2>/dev/null)
ifneq ($(PYTHON_FOLDER),$(patsubst %/,%,$(dir $(shell command -v python3))))
export PATH := $(if $(PYTHON_FOLDER),$(PYTHON_FOLDER):)$(PATH)
endif

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/harness
	@mkdir -p $(BIN)
	$(GO) build -o $(BIN)/harness ./cmd/harness

run: build ## run the built-in suites on the peers compiled in
	$(BIN)/harness run scenarios/

test: build ## run every test, with the race detector but where programs are run by the hundred, and lint; installs what Debian has when root
	$(MAKE) -j 2 -O fixtures lint # packages are installed beside what compiles
	$(BIN)/harness run scenarios/ --quiet
	$(GO) test -race $(TESTED) -timeout 20m $$($(GO) list -f $(HAVETESTS) ./... | grep -v -e /fixtures$$ -e /cmd/harness$$ -e /scenarios/)
	$(MAKE) -j 4 scripts suites check ahead # some wait, the others compile
	$(GO) test -vet=off -v -timeout 30m -run 'TestProof$$' ./fixtures
	$(MAKE) -j 2 software programs stranger

scripts: ## run the scripts of the command
	$(GO) test $(TESTED) -parallel $$((2 * $$(nproc))) -timeout 20m ./cmd/harness

suites: ## run the suites' own tests
	$(GO) test $(TESTED) -timeout 20m ./scenarios/...

software: ## play everything to the installed software that many people use
	$(GO) test -vet=off -v -timeout 30m -run TestRealSoftware ./fixtures

programs: ## run the tests of the fixture programs, but for the matrix and the installed software
	$(GO) test -race -vet=off -parallel $$((2 * $$(nproc))) -timeout 30m -skip 'TestProof$$|TestRealSoftware' ./fixtures

check: ## check the files for CI with the parsers of those who read them
	cd cmd/ci/testdata/check && $(GO) test ./...

ahead: ## compile what stranger imports, while nothing else wants a processor
	cd fixtures/stranger && nice -n 19 $(GO) list -export -deps -test ./... >/dev/null

stranger: build ## run the tests of a module that only uses harness: with go test, then with harness run
	cd fixtures/stranger && $(GO) test -count=1 ./... && ../../$(BIN)/harness run .

zoo: build fixtures ## judge the harness by programs whose bugs are known: the matrix program x scenario
	NODE_EXTRA_CA_CERTS= PATH="/usr/bin:$$PATH:/usr/sbin" $(BIN)/harness run --config fixtures/harness.yaml --zoo --timeout 3m --sweep 24 --procs $$((8 * $$(nproc)))
	NODE_EXTRA_CA_CERTS= PATH="/usr/bin:$$PATH:/usr/sbin" $(BIN)/harness run --config fixtures/tls/harness.yaml --zoo --timeout 3m --sweep 24 --procs $$((4 * $$(nproc)))

explore: build fixtures ## search the fault space of every fixture program, and write what was found into fixtures/README.md
	EXPLORE=all $(GO) test -v -timeout 60m -run TestExplore ./fixtures -update

replay: build fixtures ## play every red result of the broken programs again, each with its own line
	FIXTURES_REPLAY=all $(GO) test -v -timeout 60m -run TestReplay ./fixtures

real: tools build ## play everything to installed software, the little-known too (what is not installed is named)
	@fixtures/real/tools.sh
	@fixtures/real/stdio/install.sh
	PATH="/usr/bin:$$PATH:/usr/sbin" $(BIN)/harness run --config fixtures/real/harness.yaml --waivers fixtures/real/waivers.yaml
	PATH="/usr/bin:$$PATH:/usr/sbin" $(BIN)/harness run --config fixtures/real/little-known.yaml --waivers fixtures/real/little-known-waivers.yaml --skip 'cross-talk on real/php-server'
	PATH="/usr/bin:$$PATH:/usr/sbin" $(BIN)/harness run --config fixtures/real/tls.yaml --focus '^tls/' --waivers fixtures/real/tls-waivers.yaml
	PATH="/usr/bin:$$PATH:/usr/sbin" $(BIN)/harness run --config fixtures/real/stdio/harness.yaml --waivers fixtures/real/stdio/waivers.yaml --sweep 3 --focus '^(halfclose/|eof/in-body|partialsend/split|pipes/)'
	PATH="/usr/bin:$$PATH:/usr/sbin" $(BIN)/harness run --config fixtures/real/starttls.yaml --waivers fixtures/real/starttls-waivers.yaml
	PATH="/usr/bin:$$PATH:/usr/sbin" $(BIN)/harness run --config fixtures/real/ftp.yaml --waivers fixtures/real/ftp-waivers.yaml --skip 'timeout/pause on real/basic-ftp'
	PATH="/usr/bin:$$PATH:/usr/sbin" $(BIN)/harness run --config fixtures/real/ftps.yaml
	PATH="/usr/bin:$$PATH:/usr/sbin" $(BIN)/harness run --config fixtures/real/udp.yaml --waivers fixtures/real/udp-waivers.yaml

mutate: build ## prove that the built-in suites can fail: play them to the peers compiled in, which lie
	$(BIN)/harness mutate --verbose

race: ## run the Go tests only, ten times, with the race detector; scripts and suites, which start hundreds of programs, once
	$(GO) test -race -count=10 ./harness/... ./toxics/...
	$(GO) test -race -count=1 -timeout 30m ./cmd/... ./scenarios/...

SOAK ?= 10m
soak: ## toxics, edits, kills and clients for SOAK (10m; CI: 20s) with the race detector: nothing lost, leaked or mistold
	HARNESS_CHURN=$(SOAK) $(GO) test -race -count=1 -timeout 30m -v -run 'TestChurn$$|TestChurnLosesNothing' ./harness/api ./harness/proxy

lint: ## formatting, vet, staticcheck and modules
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	GOGC=400 $(GO) tool staticcheck ./... # a larger heap: a fifth less CPU
	$(GO) mod tidy -diff
	$(GO) mod verify

cross: ## vet for darwin and windows, whose files no test here compiles
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet ./...

bench: build fixtures $(BIN)/toxiproxy-server ## compare direct, ours, toxiproxy-server, HAProxy and nginx in one run
	$(GO) run ./cmd/bench -toxiproxy $(BIN)/toxiproxy-server
	$(GO) test -run '^$$' -bench 'HTML|Merge' ./harness/report
	$(GO) run ./cmd/bench -files $(abspath $(BIN)/harness)
	$(GO) run ./cmd/bench -explore $(abspath $(BIN)/harness) -fixtures $(abspath $(BIN)/fixtures)

fixtures: tools ## build the fixture programs in C, Go and Java
	@fixtures/build.sh

tools: ## install or name the programs that tests want
	@fixtures/tools.sh

clean: ## remove what was built
	rm -rf $(BIN)

$(BIN)/toxiproxy-server:
	@mkdir -p $(BIN)
	GOBIN=$(abspath $(BIN)/tmp) $(GO) install $(ADDR)/cmd/server@$(VERSION)
	mv $(BIN)/tmp/server $@

.PHONY: help build run test scripts suites check ahead software programs stranger zoo replay mutate race soak lint cross bench fixtures tools clean explore
