# Recipes for working on jettimer. `just` alone lists them; arguments after a recipe's name go to the program.

set positional-arguments

# Where `run` finds NATS.
nats := env("JETTIMER_NATS", "nats://127.0.0.1:4222")

[private]
default:
    @just --list --unsorted

# Everything in one process with its own nats-server, on 127.0.0.1:8000
[group("run")]
dev *args:
    cargo run --release --locked -- dev "$@"

# A node against a NATS server that runs already, say by `docker compose up nats`
[group("run")]
run *args:
    cargo run --release --locked -- serve --insecure-no-auth --allow-targets 127.0.0.0/8,::1 --nats "{{ nats }}" "$@"

# Creates timers against a running jettimer and measures what arrives
[group("run")]
bench *args="--timers 10000 --due-in 10s --rate 1000":
    cargo run --release --locked -- bench {{ args }}

# Measures the figures that README.md gives
[group("run")]
figures:
    scripts/figures
    scripts/fairness
    scripts/lists

# Measures what durability costs: one server and three, with and without writing through
[group("run")]
durability *args:
    scripts/durability "$@"

# Measures how many removed records a killed nats-server brings back, for ways of writing the bucket
[group("run")]
broker-revival *args:
    scripts/broker-revival "$@"

# Tries what docs/limits.md says, in large
[group("run")]
limits:
    scripts/limits

# All tests, by cargo-nextest if it is installed
[group("develop")]
test *args:
    #!/usr/bin/env bash
    set -euo pipefail
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --locked "$@"
        # nextest leaves out the examples in doc comments.
        [ "$#" -gt 0 ] || cargo test --doc --locked
    else
        cargo test --locked "$@"
    fi

# Sends a node all that its OpenAPI document allows and forbids, and checks each answer
[group("develop")]
fuzz-api *args:
    cargo build --locked
    scripts/fuzz-api "$@"

# Makes clients of the OpenAPI document with several generators, and runs each against a node
[group("develop")]
generated-clients:
    cargo build --locked
    scripts/generated-clients

# What nobody would send or store, for a minute each: requests, texts, records, messages, answers
[group("develop")]
fuzz *args:
    scripts/fuzz "$@"

# Breaks servers and nodes on purpose and judges what became of timers: `just chaos 1..200 --jobs 4`, `just chaos 7 --profile one`
[group("develop")]
chaos *args="1":
    cargo test --locked --test chaos -- run {{ args }}

# Format, lints and docs, with warnings as errors
[group("develop")]
check:
    cargo fmt --all --check
    cargo clippy --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --locked

# Licences, sources and known faults of dependencies, by cargo-deny and cargo-audit
[group("develop")]
audit:
    .ci/check-dependencies

# Formats the sources
[group("develop")]
fmt:
    cargo fmt

# What CI runs, on this working tree
[group("develop")]
ci:
    .ci/run

# The container image, as `jettimer`
[group("containers")]
image:
    docker build --tag jettimer .

# One NATS server and one node in containers, on port 8000 of this machine
[group("containers")]
compose *args="up --build":
    docker compose --profile single {{ args }}

# Three NATS servers, two API nodes on ports 8001 and 8002 of this machine, three workers
[group("containers")]
compose-cluster *args="up --build":
    docker compose --profile cluster {{ args }}

# The `nats` CLI inside the compose network: `just nats kv ls timers`
[group("containers")]
nats *args:
    docker compose run --rm nats-box nats "$@"

# The same in the cluster, as a user who only looks
[group("containers")]
nats-cluster *args:
    docker compose run --rm nats-cluster-box nats "$@"
