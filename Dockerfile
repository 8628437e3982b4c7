# Any image with Node 24 will do; the tests assemble one of their own (test/cluster/images.ts).
ARG BASE=docker.io/library/node:24-bookworm-slim
FROM ${BASE}
COPY dist/reload-operator.mjs /app/reload-operator.mjs
WORKDIR /app
USER 65532:65532
# A small young generation and a heap that follows the container's memory limit: by itself, Node's heap limit
# ignores a limit of 128 MiB.
ENTRYPOINT ["node", "--max-semi-space-size=1", "--max-old-space-size-percentage=60", "/app/reload-operator.mjs"]
