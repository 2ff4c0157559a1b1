import { csvField } from '../../core/base/text/text.js';
import type { FilePrediction } from '../../core/predict/predict-files.js';

/** One line an image: its name, then its classes in columns, best first. */
export function predictionTable(results: readonly FilePrediction[]): string[] {
  const rows = results.map((result) => [
    result.file,
    ...('error' in result
      ? [`not classified: ${result.error.code}`]
      : result.predictions.map(
          ({ label, probability }) => `${label} ${(probability * 100).toFixed(1).padStart(5)} %`,
        )),
  ]);
  const widths: number[] = [];
  // The reason of a failure is as long as it is, and must not push the columns of the others apart.
  for (const [i, row] of rows.entries())
    for (const [column, cell] of row.entries())
      if (column === 0 || 'predictions' in results[i]!)
        widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}

/** One line a class of an image, and one for an image that failed; quoted as RFC 4180 says. */
export function predictionCsv(results: readonly FilePrediction[]): string[] {
  const rows = results.flatMap((result) =>
    'error' in result
      ? [[result.file, '', '', '', result.error.code]]
      : result.predictions.map(({ label, probability }, rank) => [
          result.file,
          `${rank + 1}`,
          label,
          `${probability}`,
          '',
        ]),
  );
  return ['file,rank,label,probability,error', ...rows.map((row) => row.map(csvField).join(','))];
}
