import { type Context, withStep } from '../../base/context.js';
import { bySeverity, runChecks } from '../../base/findings.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { type DatasetDescription, describeDataset } from '../dataset/info.js';
import { openDataset } from '../dataset/open.js';
import { type Check, CheckInputs, chooseChecks } from './checks.js';
import { type RemovedKind, refuseUnchecked } from './clean.js';
import { type Finding, openSubject, SEVERITIES, type Severity, type Subject } from './subject.js';
import { findSuspiciousLabels, openLabelPredictor } from './suspicious-labels.js';

export interface ValidateOptions {
  /** Folder of the data set. */
  readonly dataset: string;
  /** Bundle of a trained model that judges the labels: the check `suspicious-labels`, which is not run without one. */
  readonly model?: string | undefined;
  /** Names of the checks to run; default: all. */
  readonly only?: readonly string[] | undefined;
  /** Names of checks to leave out. */
  readonly skip?: readonly string[] | undefined;
  /** What {@link cleanDataset} will remove: refused at once where no check is run that finds it. */
  readonly remove?: readonly RemovedKind[] | undefined;
}

export interface ValidationResult
  extends Pick<DatasetDescription, 'folder' | 'name' | 'fingerprint' | 'count' | 'splits' | 'classes'> {
  /** Names of the checks that were run. */
  readonly checks: readonly string[];
  /** Errors first. */
  readonly findings: readonly Finding[];
  readonly severities: Readonly<Record<Severity, number>>;
}

/** A result with the data set in memory, to show the samples that were found, or to write one without them. */
export interface Validated extends ValidationResult {
  readonly subject: Subject;
}

/**
 * Checks a data set for what spoils training, or makes results better than a model is: leaks, duplicates, wrong labels,
 * blank and unusual pictures, confounded sources. The data set is not changed.
 *
 * @throws {RobleError} `ROBLE_USAGE`, `ROBLE_FILE_NOT_FOUND`, `ROBLE_DATASET_INVALID`, `ROBLE_INTERRUPTED`
 *
 * @example
 * const { findings } = await validateDataset({ dataset: 'data/letters' }, { registry });
 */
export async function validateDataset(
  options: ValidateOptions,
  context: Context & { readonly registry: PluginRegistry },
): Promise<Validated> {
  const { dataset: folder, model, remove = [] } = options;
  const checks = chooseChecks(options.only, options.skip ?? [], judgeWith(model, context));
  const names = checks.map(({ id }) => id);
  refuseUnchecked(remove, names);
  const subject = await withStep(context, 'read', 'Reading the data set', async () =>
    openSubject(await openDataset(folder), context),
  );
  const inputs = new CheckInputs(subject);
  const findings: Finding[] = [];
  for await (const [, found] of runChecks(checks, inputs, context, 'check-')) findings.push(...found);
  const { preprocessing: _, recipe: __, ...about } = await describeDataset(folder);
  return {
    ...about,
    checks: names,
    findings: bySeverity(findings, SEVERITIES),
    severities: countSeverities(findings),
    subject,
  };
}

/** The check that needs a model; none without one. */
function judgeWith(
  model: string | undefined,
  context: Context & { readonly registry: PluginRegistry },
): readonly Check[] {
  if (model === undefined) return [];
  const run: Check['run'] = async ({ subject }) => {
    const predictor = await openLabelPredictor(model, subject, context.registry);
    try {
      return await findSuspiciousLabels(subject, predictor, context);
    } finally {
      await predictor.close();
    }
  };
  return [{ id: 'suspicious-labels', title: 'Judging labels', run }];
}

function countSeverities(findings: readonly Finding[]): Record<Severity, number> {
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  return { error: count('error'), warning: count('warning'), info: count('info') };
}
