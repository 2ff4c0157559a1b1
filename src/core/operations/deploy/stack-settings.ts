import { z } from 'zod';
import { checked } from '../../base/schema/checked.js';
import type { ServeOptions } from '../../serving/settings.js';
import type { Kpis } from '../kpi/settings.js';

/** What is chosen when a stack is made; the rest comes from the configuration. */
export const choicesSchema = z.strictObject({
  /** APIs behind nginx: two or more can be restarted and die without a request lost. */
  replicas: z.int().min(1).max(32).default(2),
  /** Name under which clients reach the stack. */
  domain: z
    .string()
    .regex(
      /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i,
      'expected the name of a host',
    )
    .default('localhost'),
  /** Requests per second from one address, above which nginx answers 429; a burst may have as many more. */
  rateLimit: z.int().min(1).default(100),
  /** Processors, and memory such as `1G`, of each API. */
  cpus: z.int().min(1).default(2),
  memory: z
    .string()
    .regex(/^[1-9]\d*[MG]$/, 'expected megabytes or gigabytes, such as 512M or 2G')
    .default('1G'),
  /** Put the models into the image instead of a folder beside it. */
  bake: z.boolean().default(false),
  /** Write a workflow for GitHub, too. */
  workflow: z.boolean().default(true),
});
export type StackChoices = z.output<typeof choicesSchema>;
/** What is chosen now; what is undefined stays as it was. */
export type GivenChoices = { readonly [Name in keyof StackChoices]?: unknown };

export const STACK_DEFAULTS: StackChoices = choicesSchema.parse({});

/**
 * What is chosen now, over what was chosen before, over the defaults.
 *
 * @throws {RobleError} `ROBLE_USAGE` with every problem at once
 */
export function stackChoices(given: GivenChoices, before?: StackChoices): StackChoices {
  const chosen = Object.entries(given).filter(([, value]) => value !== undefined);
  const choices = { ...before, ...Object.fromEntries(chosen) };
  return checked(choicesSchema, choices, 'ROBLE_USAGE', 'This stack cannot be made.');
}

/** Slower than this, or failing more often, is an alert, where the configuration has no KPI of it. */
const LATENCY_MS = 150;
const AVAILABILITY = 0.99;
const LOAD_RATE = 100;
const REDIS_MEGABYTES = 256;

/** What the configuration of the project says that the stack follows. */
export interface StackConfig {
  readonly name: string;
  readonly serve: ServeOptions;
  readonly kpis: Kpis;
}

/** All that the templates of the stack ask for. */
export type StackSettings = ReturnType<typeof stackSettings>;

/**
 * @param version of roble
 * @param folder of the stack, relative to that of the project, with `/`
 */
export function stackSettings(
  { name, serve, kpis }: StackConfig,
  choices: StackChoices,
  version: string,
  folder: string,
) {
  const model = stackName(name);
  return {
    ...choices,
    version,
    folder,
    name,
    project: model,
    /** Folder of the model in the repository. */
    model,
    apis: Array.from({ length: choices.replicas }, (_, i) => `api-${i + 1}`),
    bodyBytes: serve.maxBodyBytes,
    requestSeconds: Math.ceil(serve.requestTimeoutMs / 1000),
    shutdownSeconds: Math.ceil(serve.shutdownTimeoutMs / 1000),
    latencyMs: kpis.latencyP99Ms ?? LATENCY_MS,
    errorShare: Number((1 - (kpis.availability ?? AVAILABILITY)).toPrecision(6)),
    loadRate: Math.min(LOAD_RATE, choices.rateLimit),
    redisMegabytes: REDIS_MEGABYTES,
    images: IMAGES,
    actions: ACTIONS,
    secrets: SECRETS,
  };
}

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

/** The secrets of the stack: files of the folder `secrets`, which Docker shows to the services that need them. */
export const SECRETS = [
  'redis_users',
  'redis_url',
  'predictions_url',
  'postgres_password',
  'postgres_app_password',
  'postgres_reader_password',
  'postgres_backup_password',
  'metrics_key',
  'grafana_password',
] as const;
export type SecretName = (typeof SECRETS)[number];

/** Those that only services which run as the owner of the files read; the others are read by users of images. */
export const OWN_SECRETS: readonly SecretName[] = ['redis_url', 'predictions_url'];

/** The name of a stack, and of its model in the repository: as Docker, file systems and addresses take it. */
export function stackName(name: string): string {
  const text = name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return text || 'classifier';
}
