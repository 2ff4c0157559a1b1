import type { LoadTestResult } from '../../core/operations/load-test/load-test.js';
import type { LoadReportFiles } from '../../pages/load-test.js';
import { KNEE_COLUMNS, kneeRows, kneeText, loadRows } from '../../pages/load-test-rows.js';
import { tableLines } from '../terminal/format.js';
import type { TextOptions } from '../terminal/style.js';
import { boundLines } from './class-results.js';

/** A load test for people. */
export function loadTestLines(
  result: LoadTestResult & { readonly files: LoadReportFiles },
  options: Pick<TextOptions, 'paint'>,
): string[] {
  const { model, url, knee, bounds, files } = result;
  const rows = loadRows(result);
  const width = Math.max(...rows.map(([name]) => name.length));
  const written = Object.entries(files).map(([form, file]) => `${form.toUpperCase()}: ${file}`);
  return [
    options.paint('bold', `${model} at ${url}`),
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...(knee ? ['', ...tableLines(KNEE_COLUMNS, kneeRows(knee)), kneeText(knee)] : []),
    ...boundLines(bounds, false, options),
    ...(written.length > 0 ? ['', ...written] : []),
  ];
}
