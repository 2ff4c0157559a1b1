import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type EvaluationReport, RUN_FILES } from '../../history/record.js';
import type { Preprocessing } from '../../../image/settings.js';
import { mistakeSheet } from '../../metrics/mistake-sheet.js';
import { replaceFile } from '../../../base/storage/durable.js';

/**
 * Writes `evaluation.json`, and `mistakes.png` with the pictures of `report.confidentlyWrong` in their order, six in a
 * row. Each is replaced as a whole; a model without mistakes leaves no sheet.
 *
 * @param images of the split that the report is about: uint8, [count, height, width, channels]
 */
export async function writeEvaluation(
  runFolder: string,
  report: EvaluationReport,
  images: Uint8Array,
  shape: Pick<Preprocessing, 'width' | 'height' | 'channels'>,
): Promise<void> {
  await replaceFile(join(runFolder, RUN_FILES.evaluation), `${JSON.stringify(report, null, 2)}\n`);
  const sheet = join(runFolder, RUN_FILES.mistakes);
  if (report.confidentlyWrong.length === 0) return rm(sheet, { force: true });
  const { height, width, channels } = shape;
  const size = height * width * channels;
  const pictures = report.confidentlyWrong.map(({ index }) =>
    images.subarray(index * size, (index + 1) * size),
  );
  await replaceFile(sheet, await mistakeSheet(pictures, shape));
}
