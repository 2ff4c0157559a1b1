/** The images of the stack, each with its exact version. */
export const IMAGES = {
  node: 'node:24.22.3-bookworm-slim',
  cuda: 'nvidia/cuda:12.9.2-cudnn-runtime-ubuntu24.04',
  nginx: 'nginx:1.30.6-alpine',
  redis: 'redis:8.10.2-alpine',
  postgres: 'postgres:18.6-trixie',
  prometheus: 'prom/prometheus:v3.16.0',
  nodeExporter: 'prom/node-exporter:v1.12.1',
  grafana: 'grafana/grafana:13.2.3',
  loki: 'grafana/loki:3.7.8',
  fluentBit: 'fluent/fluent-bit:5.1.3',
  k6: 'grafana/k6:2.3.0',
} as const;

/** The actions of the workflow, by commit: a tag can be moved. */
export const ACTIONS = {
  checkout: 'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2',
  setupNode: 'actions/setup-node@6044e13b5dc448c55e2357c09f80417699197238 # v6.2.0',
  setupBuildx: 'docker/setup-buildx-action@4d04d5d9486b7bd6fa91e7baf45bbb4f8b9deedd # v4.0.0',
  buildPush: 'docker/build-push-action@d08e5c354a6adb9ed34480a06d141179aa583294 # v7.0.0',
  login: 'docker/login-action@b45d80f862d83dbcd57f89517bcf500b2ab88fb2 # v4.0.0',
} as const;
