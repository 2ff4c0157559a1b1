import { type Context, refuseInterrupted } from './context.js';
import { RobleError } from './errors.js';
import type { Check, Finding } from './findings.js';
import { withinTime } from './within-time.js';

/**
 * What a check says of its side of a machine. `skipped`: there was nothing to check. Suggestions come with the first thing
 * to do first.
 */
export type Diagnosis = Finding<unknown, 'ok' | 'warning' | 'failed' | 'skipped', readonly string[]>;

export const ok = (message: string): Diagnosis => ({ severity: 'ok', message });
export const skipped = (message: string): Diagnosis => ({ severity: 'skipped', message });
export const warning = (message: string, ...suggestion: string[]): Diagnosis => ({
  severity: 'warning',
  message,
  suggestion,
});
export const failed = (message: string, ...suggestion: string[]): Diagnosis => ({
  severity: 'failed',
  message,
  suggestion,
});

/** What an error says, as a finding: its problems, and what to do next. */
export function failedBy(thrown: unknown): Diagnosis {
  const { code, message, details } = RobleError.from(thrown);
  const { received, expected, problems = [], nextSteps = [] } = details;
  const advice = [
    ...problems.map(({ path, message, suggestion }) =>
      [`${path}: ${message}.`, suggestion].filter(Boolean).join(' '),
    ),
    ...(expected === undefined ? [] : [`Expected: ${expected}.`]),
    ...nextSteps,
  ];
  return failed(
    received === undefined ? message : `${message} Received: ${String(received)}.`,
    ...(advice.length > 0 ? advice : [`docs/errors.md says what ${code} means.`]),
  );
}

/** A check of a machine, with what it found. */
export interface ReportedCheck {
  readonly id: string;
  readonly title: string;
  readonly status: Diagnosis['severity'];
  readonly detail: string;
  /** What to do about it, the first thing first. */
  readonly advice?: readonly string[];
}

export function reportedCheck(
  { id, title }: { readonly id: string; readonly title: string },
  { severity: status, message: detail, suggestion: advice }: Diagnosis,
): ReportedCheck {
  return { id, title, status, detail, ...(advice && advice.length > 0 && { advice }) };
}

/**
 * Makes checks all at once, for a limited time each. One that throws or gives no answer in time has failed by that, and
 * changes nothing for the others.
 *
 * @returns what was found, in the order of the checks
 * @throws {RobleError} `ROBLE_INTERRUPTED`
 */
export async function diagnose<Subject>(
  checks: readonly Check<Subject, Diagnosis>[],
  subject: Subject,
  limitMs: number,
  { signal }: Pick<Context, 'signal'> = {},
): Promise<ReportedCheck[]> {
  refuseInterrupted({ signal });
  let stop = () => {};
  const interrupted = new Promise<void>((resolve) => {
    stop = resolve;
  });
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const found = Promise.all(
      checks.map(async (check) => reportedCheck(check, await bounded(check, subject, limitMs))),
    );
    await Promise.race([found, interrupted]);
    refuseInterrupted({ signal });
    return await found;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

async function bounded<Subject>(
  check: Check<Subject, Diagnosis>,
  subject: Subject,
  limitMs: number,
): Promise<Diagnosis> {
  const message = `there was no answer within ${limitMs / 1000} s`;
  const late = () => failed(message, 'What it looks at hangs; try it by itself.');
  try {
    return await withinTime(() => check.run(subject), limitMs, late);
  } catch (thrown) {
    return failedBy(thrown);
  }
}
