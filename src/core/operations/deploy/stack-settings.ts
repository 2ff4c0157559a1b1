import { z } from 'zod';
import { checked } from '../../base/schema/checked.js';
import type { Config } from '../../config/schema.js';
import { ACTIONS, IMAGES } from './images.js';
import { SECRETS } from './secret-names.js';
import { stackName } from './stack-name.js';

/** What somebody who makes a stack chooses; the rest comes from the configuration. */
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
  /** Requests a second of one address, above which nginx says 429; and so many more at once. */
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
/** What somebody chooses now; what is undefined stays as it was. */
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

/** All that the templates of the stack ask for. */
export type StackSettings = ReturnType<typeof stackSettings>;

/**
 * @param version of roble
 * @param folder of the stack, relative to that of the project, with `/`
 */
export function stackSettings(config: Config, choices: StackChoices, version: string, folder: string) {
  const model = stackName(config.name);
  return {
    ...choices,
    version,
    folder,
    name: config.name,
    project: model,
    /** Folder of the model in the repository. */
    model,
    apis: Array.from({ length: choices.replicas }, (_, i) => `api-${i + 1}`),
    bodyBytes: config.serve.maxBodyBytes,
    requestSeconds: Math.ceil(config.serve.requestTimeoutMs / 1000),
    shutdownSeconds: Math.ceil(config.serve.shutdownTimeoutMs / 1000),
    latencyMs: config.kpis.latencyP99Ms ?? LATENCY_MS,
    errorShare: Number((1 - (config.kpis.availability ?? AVAILABILITY)).toPrecision(6)),
    loadRate: Math.min(LOAD_RATE, choices.rateLimit),
    redisMegabytes: REDIS_MEGABYTES,
    images: IMAGES,
    actions: ACTIONS,
    secrets: SECRETS,
  };
}
