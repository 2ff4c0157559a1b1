import { type Context, withStep } from '../../base/context.js';
import { diagnose, type ReportedCheck } from '../../base/diagnosis.js';
import { thisMachine } from '../../base/process/machine.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { CheckConfig } from '../deploy/check/files.js';
import { gatherFacts, type MachineFacts } from '../gpu/facts.js';
import { computeChecks, gpuChecks } from './compute.js';
import { configurationChecks } from './configuration.js';
import { diskChecks } from './disk.js';
import { machineChecks } from './machine.js';
import { pictureChecks } from './pictures.js';
import { pluginChecks } from './plugins.js';
import { serviceChecks } from './services.js';
import { stackChecks } from './stack.js';
import type { DoctorCheck, ExaminedConfiguration } from './subject.js';

/** Longest time for one check; each bounds what it waits for itself, so that this is the end of what nobody thought of. */
const LIMIT_MS = 30_000;

export interface ExamineOptions {
  /** The project's. */
  readonly folder: string;
  readonly configuration: ExaminedConfiguration;
  readonly checkConfig: CheckConfig;
  /** Longest time for one check, in milliseconds. */
  readonly limitMs?: number;
}

/** What a project and its machine look like; plain data. */
export interface DoctorReport {
  /** Whether nothing has failed; warnings are allowed. */
  readonly healthy: boolean;
  readonly subjects: readonly {
    readonly id: string;
    readonly title: string;
    readonly checks: readonly ReportedCheck[];
  }[];
}

interface Subject {
  readonly id: string;
  readonly title: string;
  readonly checks: readonly DoctorCheck[];
}

/** All that is looked at, in the order of the report: one module for each subject. */
const subjects = (checkConfig: CheckConfig, registry: PluginRegistry): readonly Subject[] => [
  { id: 'machine', title: 'Machine', checks: machineChecks },
  { id: 'disk', title: 'Disks', checks: diskChecks },
  { id: 'configuration', title: 'Configuration', checks: configurationChecks },
  { id: 'plugins', title: 'Plugins', checks: pluginChecks(registry) },
  { id: 'compute', title: 'Engines and backends', checks: computeChecks },
  { id: 'gpu', title: 'GPU', checks: gpuChecks },
  { id: 'pictures', title: 'Pictures', checks: pictureChecks },
  { id: 'services', title: 'Server', checks: serviceChecks },
  { id: 'stack', title: 'Production', checks: stackChecks(checkConfig) },
];

/**
 * Looks at everything that roble needs, at once, and changes nothing. A check that breaks, or that waits for something
 * which hangs, is a finding of its own.
 *
 * @throws {RobleError} `ROBLE_INTERRUPTED`
 */
export async function examine(
  { folder, configuration, checkConfig, limitMs = LIMIT_MS }: ExamineOptions,
  { registry, ...context }: Context & { readonly registry: PluginRegistry },
): Promise<DoctorReport> {
  const view = thisMachine();
  let gathered: Promise<MachineFacts> | undefined;
  const facts = () => {
    gathered ??= gatherFacts(view);
    return gathered;
  };
  const subject = { folder, configuration, registry, view, facts };
  const reported = await Promise.all(
    subjects(checkConfig, registry).map(async ({ id, title, checks }) => ({
      id,
      title,
      checks: await withStep(context, id, title, () => diagnose(checks, subject, limitMs, context)),
    })),
  );
  const all = reported.flatMap(({ checks }) => checks);
  return { healthy: all.every(({ status }) => status !== 'failed'), subjects: reported };
}
