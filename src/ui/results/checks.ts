import type { ReportedCheck } from '../../core/base/diagnosis.js';
import { countOf } from '../../core/base/text/text.js';
import type { DoctorReport } from '../../core/operations/doctor/doctor.js';

const MARKS = { ok: '+', warning: '!', failed: 'x', skipped: '-' } as const;

/** Each check in a line, and under it what to do. */
export function checkLines(checks: readonly ReportedCheck[]): string[] {
  return checks.flatMap(({ title, status, detail, advice = [] }) => [
    `${MARKS[status]} ${title}: ${detail}`,
    ...advice.map((step) => `    ${step}`),
  ]);
}

/** What `doctor` found, for people; the verdict last. Where there was nothing to look at is a number, unless `all` is asked for. */
export function doctorLines({ subjects }: DoctorReport, all: boolean): string[] {
  const shown = subjects.map(({ title, checks }) => ({
    title,
    checks: checks.filter(({ status }) => all || status !== 'skipped'),
  }));
  const checks = subjects.flatMap((subject) => subject.checks);
  const count = (wanted: ReportedCheck['status']) => checks.filter(({ status }) => status === wanted).length;
  const [wrong, warnings, skipped] = [count('failed'), count('warning'), count('skipped')];
  return [
    ...shown
      .filter((subject) => subject.checks.length > 0)
      .flatMap(({ title, checks: lines }) => [title, ...checkLines(lines).map((line) => `  ${line}`), '']),
    ...(skipped > 0 && !all
      ? [`${countOf(skipped, 'check')} had nothing to look at (--all shows them).`]
      : []),
    wrong > 0
      ? `${countOf(wrong, 'thing')} to mend (x)${warnings > 0 ? `, ${countOf(warnings, 'warning')} (!)` : ''}.`
      : `Nothing is wrong${warnings > 0 ? `; ${countOf(warnings, 'warning')} (!)` : ''}.`,
  ];
}
