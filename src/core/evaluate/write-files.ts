import { rm } from 'node:fs/promises';
import { mistakeSheet } from '../metrics/mistake-sheet.js';
import { replaceFile } from '../storage/durable.js';
import { evaluationPage } from './page.js';
import type { DrawnEvaluation, EvaluationFiles, EvaluationResult } from './result.js';

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
