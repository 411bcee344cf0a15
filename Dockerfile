# The image holds jettimer and a nats-server: `dev` starts that server as its child, `serve` leaves it alone.
#
#   docker build -t jettimer .
#   docker run --rm -p 127.0.0.1:8000:8000 jettimer
#   docker run --rm -p 127.0.0.1:8000:8000 jettimer serve --insecure-no-auth --nats nats://HOST:4222

ARG RUST_VERSION=1.95
# The one version that jettimer is tested with. docker-compose.yml names the same; .ci/run compares them.
ARG NATS_VERSION=2.15.1


FROM rust:${RUST_VERSION}-slim-bookworm AS build
# jemalloc is built by make, which the base image lacks.
# hadolint ignore=DL3008
RUN apt-get update -qq && apt-get install -qq --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# Downloaded crates and compiled dependencies live in caches beside the layers: a change in src/ compiles one crate, and one in rules/ two.
# The binary leaves the cache in the same step, because a cache is not part of the layer. Cargo goes by modification
# times, and sources that are older than the cached build (an unpacked archive, say) must not pass for built: hence touch.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    find src rules nats -type f -exec touch {} + \
    && cargo build --release --locked --bin jettimer \
    && cp target/release/jettimer /usr/local/bin/jettimer


# Statically linked, so it runs on Debian as it does on Alpine.
FROM nats:${NATS_VERSION}-alpine AS nats


FROM debian:bookworm-slim
# Receivers are called over TLS: the roots come from the distribution, whose updates reach a rebuilt image. They need
# openssl, and so does nats/make-secrets.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates openssl \
    && rm -rf /var/lib/apt/lists/*
# A number, so that Kubernetes' runAsNonRoot can see it is not root. No shell, no home.
RUN groupadd --gid 10001 jettimer \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin jettimer \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/jettimer
COPY --from=nats /usr/local/bin/nats-server /usr/local/bin/nats-server
COPY --from=build /usr/local/bin/jettimer /usr/local/bin/jettimer

# Loopback, the default elsewhere, is out of reach from outside a container. As environment and not as
# arguments, so that `serve` and the health check see them too.
ENV JETTIMER_LISTEN=0.0.0.0:8000 \
    JETTIMER_DATA_DIR=/var/lib/jettimer

# The only place that is written to, by `dev` and by the journal of calls: the rest of the file system may be read-only.
VOLUME /var/lib/jettimer
USER 10001:10001
WORKDIR /var/lib/jettimer
EXPOSE 8000

# Liveness, not readiness: an orchestrator that replaces unhealthy containers must not replace every node
# because NATS is away for a minute. docker-compose.yml asks for /readyz instead.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["jettimer", "healthcheck"]

# SIGTERM drains: claimed calls are finished, held timers are handed back. Give it 50 s: `docker stop --time 50`.
STOPSIGNAL SIGTERM
ENTRYPOINT ["jettimer"]
# Its port is published by whoever runs it, on loopback as docs/containers.md says. As an argument and not as environment: that
# would open `serve`, too.
CMD ["dev", "--insecure-no-auth"]

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="jettimer" \
      org.opencontainers.image.description="A webhook timer service, native to NATS JetStream" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
