import { type ErrorCode, RobleError } from '../errors.js';

/** A sample that could not be judged, and why. */
export interface LeftOutSample {
  readonly source: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What was left out, by the code of the reason. */
export function countByCode(leftOut: readonly LeftOutSample[]): Partial<Record<ErrorCode, number>> {
  const counts: Partial<Record<ErrorCode, number>> = {};
  for (const { code } of leftOut) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/**
 * A sample and the reason why it is left out.
 *
 * @throws what is not wrong with the sample alone
 */
export function leftOutFor(source: string, thrown: unknown): LeftOutSample {
  const { code, kind, message, details } = RobleError.from(thrown);
  // How the command was given is no matter of one sample.
  if (kind !== 'user' || code === 'ROBLE_USAGE') throw thrown;
  const received = details.received === undefined ? '' : ` Received: ${String(details.received)}.`;
  return { source, code, message: `${message}${received}` };
}

/** Reasons that an error shows. */
const SHOWN = 5;

/** The error of samples of which none can be judged. */
export function nothingToJudge(path: string, leftOut: readonly LeftOutSample[]): RobleError {
  const counts = Object.entries(countByCode(leftOut)).map(([code, count]) => `${count} x ${code}`);
  return new RobleError('ROBLE_SOURCE_EMPTY', `${path} holds no sample that can be judged.`, {
    received: counts.join(', ') || 'no sample',
    expected: 'pictures with their labels',
    problems: leftOut.slice(0, SHOWN).map(({ source, code, message }) => ({ path: source, message, code })),
    nextSteps: ['Check the path, and that pictures lie in a folder for each class.'],
  });
}
