/** The images of the stack, each with its exact version. */
export const IMAGES = {
  node: 'node:20.20.0-bookworm-slim',
  cuda: 'nvidia/cuda:12.6.3-cudnn-runtime-ubuntu22.04',
  nginx: 'nginx:1.28.0-alpine',
  redis: 'redis:7.2.8-alpine',
  postgres: 'postgres:15.13-bookworm',
  prometheus: 'prom/prometheus:v2.55.1',
  nodeExporter: 'prom/node-exporter:v1.9.1',
  grafana: 'grafana/grafana:11.6.0',
  loki: 'grafana/loki:3.4.2',
  fluentBit: 'fluent/fluent-bit:3.2.10',
  k6: 'grafana/k6:0.57.0',
} as const;

/** The actions of the workflow, by commit: a tag can be moved. */
export const ACTIONS = {
  checkout: 'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2',
  setupNode: 'actions/setup-node@6044e13b5dc448c55e2357c09f80417699197238 # v6.2.0',
  setupBuildx: 'docker/setup-buildx-action@4d04d5d9486b7bd6fa91e7baf45bbb4f8b9deedd # v4.0.0',
  buildPush: 'docker/build-push-action@d08e5c354a6adb9ed34480a06d141179aa583294 # v7.0.0',
  login: 'docker/login-action@b45d80f862d83dbcd57f89517bcf500b2ab88fb2 # v4.0.0',
} as const;
