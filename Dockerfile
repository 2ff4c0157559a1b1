# syntax=docker/dockerfile:1
# roble as an image:
#
#   docker build --tag roble .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/project" roble train --dataset data/letters
#
# and as one that serves, with a health check:
#
#   docker build --target serve --tag roble-serve .
#   docker run --read-only --tmpfs /tmp --publish 8080:8080 --volume "$PWD/model:/project/model:ro" roble-serve --model model
#
# A whole stack with TLS, a database and monitoring is what "roble deploy:compose" writes.
ARG NODE=node:24.22.3-bookworm-slim

FROM ${NODE} AS build
WORKDIR /opt/roble
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json tsconfig.web.json ./
COPY scripts/copy-files.js scripts/build-wasm.js scripts/
COPY src src
RUN npm run build
COPY LICENSE oclif.manifest.json roble.schema.json ./
COPY bin bin
COPY docs docs
COPY templates templates
# For every user of the image, whatever the umask was when the repository was checked out.
RUN chmod -R go+rX package.json LICENSE oclif.manifest.json roble.schema.json bin dist docs templates
# What is needed to run stays. ONNX Runtime brings what it needs on other systems as well, half of all that is installed.
RUN npm prune --omit=dev --no-audit --no-fund && \
  rm -r node_modules/onnxruntime-node/bin/*/darwin node_modules/onnxruntime-node/bin/*/win32

FROM ${NODE} AS runtime
# What is measured on a machine is kept in the home folder, which is the one place that is written besides the work.
ENV NODE_ENV=production HOME=/tmp
COPY --from=build /opt/roble/node_modules /opt/roble/node_modules
COPY --from=build /opt/roble/package.json /opt/roble/LICENSE /opt/roble/oclif.manifest.json /opt/roble/roble.schema.json /opt/roble/
COPY --from=build /opt/roble/bin /opt/roble/bin
COPY --from=build /opt/roble/docs /opt/roble/docs
COPY --from=build /opt/roble/templates /opt/roble/templates
COPY --from=build /opt/roble/dist /opt/roble/dist
RUN ln -s /opt/roble/bin/run.js /usr/local/bin/roble
WORKDIR /project
# No name for it is needed, and no right.
USER 10001:10001
ENTRYPOINT ["roble"]

# Only here: a training that answers no requests would count as not healthy.
FROM runtime AS serve
# There is no place to keep predictions unless one is named.
ENV ROBLE_SERVE_PREDICTIONS_URL=none
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health/ready').then(({ok})=>process.exit(ok?0:1))"]
ENTRYPOINT ["roble", "serve", "--host", "0.0.0.0", "--port", "8080"]

# The last stage is what is built when none is named.
FROM runtime AS roble
CMD ["--help"]
