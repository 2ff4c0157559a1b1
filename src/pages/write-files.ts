import { rm } from 'node:fs/promises';
import { mistakeSheet } from '../core/learning/metrics/mistake-sheet.js';
import { replaceFile } from '../core/base/storage/durable.js';
import { evaluationPage } from './evaluation.js';
import type { DrawnEvaluation, EvaluationFiles, EvaluationResult } from '../core/learning/evaluation/result.js';

/**
 * Writes the files that are named, each as a whole or not at all. A model without mistakes leaves no sheet.
 *
 * @returns those that there are
 */
export async function writeEvaluationFiles(
  { html, sheet }: EvaluationFiles,
  result: Pick<EvaluationResult, 'models' | 'bounds'>,
  drawn: readonly DrawnEvaluation[],
): Promise<EvaluationFiles> {
  const page = html === undefined ? {} : { html };
  if (html !== undefined) await replaceFile(html, await evaluationPage(result, drawn));
  if (sheet === undefined) return page;
  const { mistakes, shape } = drawn[0]!.pictures[0]!;
  if (mistakes.length > 0) await replaceFile(sheet, await mistakeSheet(mistakes, shape));
  else await rm(sheet, { force: true });
  return mistakes.length > 0 ? { ...page, sheet } : page;
}
