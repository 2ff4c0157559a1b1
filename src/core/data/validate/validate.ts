import { validationPage } from '../../../pages/validation.js';
import { type Context, withStep } from '../../base/context.js';
import { bySeverity, runChecks } from '../../base/findings.js';
import { refuseExisting, replaceFile } from '../../base/storage/durable.js';
import { checkOutputs } from '../../base/storage/files.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { type DatasetDescription, describeDataset } from '../dataset/info.js';
import { openDataset } from '../dataset/open.js';
import { type Check, CheckInputs, chooseChecks } from './checks.js';
import {
  type CleanResult,
  cleanDataset,
  DEFAULT_REMOVED,
  type RemovedKind,
  refuseUnchecked,
} from './clean.js';
import { type Finding, loadSubject, SEVERITIES, type Severity } from './subject.js';
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
  /** File for a report as one page. */
  readonly html?: string | undefined;
  /** Replace that file if it exists. */
  readonly force?: boolean | undefined;
  /** Write a data set without what was found. */
  readonly apply?: {
    /** The folder to create. */
    readonly out: string;
    /** Default {@link DEFAULT_REMOVED}. */
    readonly remove?: readonly RemovedKind[] | undefined;
  };
}

export interface ValidationResult
  extends Pick<DatasetDescription, 'folder' | 'name' | 'fingerprint' | 'count' | 'splits' | 'classes'> {
  /** Names of the checks that were run. */
  readonly checks: readonly string[];
  /** Errors first. */
  readonly findings: readonly Finding[];
  readonly severities: Readonly<Record<Severity, number>>;
  readonly html?: string;
  readonly cleaned?: CleanResult;
}

/**
 * Checks a data set for what spoils training, or makes results better than a model is: leaks, duplicates, wrong labels,
 * blank and unusual pictures, confounded sources. The data set is not changed.
 *
 * @throws {RobleError} `ROBLE_USAGE`, `ROBLE_FILE_NOT_FOUND`, `ROBLE_DATASET_INVALID`, `ROBLE_OUTPUT_EXISTS`,
 *   `ROBLE_INTERRUPTED`; with `apply` those of `writeDataset`
 *
 * @example
 * const { findings } = await validateDataset({ dataset: 'data/letters', html: 'report.html' }, { registry });
 */
export async function validateDataset(
  options: ValidateOptions,
  context: Context & { readonly registry: PluginRegistry },
): Promise<ValidationResult> {
  const { dataset: folder, html, apply, model } = options;
  const checks = chooseChecks(options.only, options.skip ?? [], judgeWith(model, context));
  const names = checks.map(({ id }) => id);
  const remove = apply?.remove ?? DEFAULT_REMOVED;
  if (apply) refuseUnchecked(remove, names);
  if (html !== undefined) await checkOutputs([html], options.force ?? false);
  if (apply) await refuseExisting(apply.out);
  const subject = await withStep(context, 'read', 'Reading the data set', async () =>
    loadSubject(await openDataset(folder)),
  );
  const inputs = new CheckInputs(subject);
  const findings: Finding[] = [];
  for await (const [, found] of runChecks(checks, inputs, context, 'check-')) findings.push(...found);
  const { preprocessing: _, recipe: __, ...about } = await describeDataset(folder);
  const result = {
    ...about,
    checks: names,
    findings: bySeverity(findings, SEVERITIES),
    severities: countSeverities(findings),
  };
  if (html !== undefined) await replaceFile(html, await validationPage(subject, result));
  if (!apply) return { ...result, ...(html !== undefined && { html }) };
  const cleaned = await withStep(context, 'clean', 'Writing the cleaned data set', () =>
    cleanDataset({ subject, findings: result.findings, remove, out: apply.out }, context),
  );
  return { ...result, ...(html !== undefined && { html }), cleaned };
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

/** Whether something was found that is at least as bad as `level`. */
export function hasFindings({ severities }: Pick<ValidationResult, 'severities'>, level: Severity): boolean {
  return SEVERITIES.slice(0, SEVERITIES.indexOf(level) + 1).some((severity) => severities[severity] > 0);
}
