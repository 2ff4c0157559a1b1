import { countOf } from '../../core/base/text/text.js';
import type { StackReport } from '../../core/operations/deploy/check/check-stack.js';
import { wrapWords } from '../terminal/format.js';
import type { TextOptions } from '../terminal/style.js';

/** Each check in a line, what it found, how to mend it, and what could not be looked at. */
export function stackReportLines({ checks, folder }: StackReport, { paint, width }: TextOptions): string[] {
  const lines = checks.flatMap(({ title, findings, notChecked }) => [
    findings.length === 0 ? `${paint('green', 'ok')}    ${title}` : `${paint('red', 'no')}    ${title}`,
    ...findings.flatMap(({ severity, file, message, fix }) => [
      ...wrapWords(`  ${severity}: ${file}: ${message}`, width, '    '),
      ...wrapWords(`    -> ${fix}`, width, '       '),
    ]),
    ...notChecked.flatMap(({ what, why }) => wrapWords(`  not checked: ${what}: ${why}`, width, '    ')),
  ]);
  const count = checks.reduce((sum, { findings }) => sum + findings.length, 0);
  return [
    ...lines,
    '',
    count === 0 ? `${folder}: nothing was found.` : `${folder}: ${countOf(count, 'finding')}.`,
  ];
}
