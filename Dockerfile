# Any image with Node 24.6 or later will do; the tests assemble one of their own (test/cluster/images.ts).
ARG BASE=docker.io/library/node:24-bookworm-slim
FROM ${BASE}
COPY dist/reload-operator.mjs dist/reload-operator.mjs.LEGAL.txt dist/reload-operator-worker.mjs dist/reload-operator-worker.mjs.LEGAL.txt dist/reload-operator-agent.mjs dist/reload-operator-agent.mjs.LEGAL.txt LICENSE /app/
WORKDIR /app
USER 65532:65532
# A small young generation, and a heap that follows the container's memory limit; 24.6 brought the percentage. By itself,
# Node lets the heap grow to 256 MiB at least. The rest is for the worker that looks into content, whose heap may grow to
# 128 MiB. What tenants write never becomes code.
ENTRYPOINT ["node", "--max-semi-space-size=1", "--max-old-space-size-percentage=30", "--disallow-code-generation-from-strings", "/app/reload-operator.mjs"]
