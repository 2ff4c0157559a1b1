import { countByCode, reasonOf } from '../../data/formats/reasons.js';
import { type ErrorCode, RobleError } from '../../base/errors.js';
import { countOf } from '../../base/text.js';

/** A sample that could not be judged, and why. */
export interface LeftOutSample {
  readonly source: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * A sample and the reason why it is left out.
 *
 * @throws what is not wrong with the sample alone
 */
export function leftOutFor(source: string, thrown: unknown): LeftOutSample {
  const error = RobleError.from(thrown);
  const { code, kind } = error;
  // How the command was given is no matter of one sample.
  if (kind !== 'user' || code === 'ROBLE_USAGE') throw thrown;
  return { source, code, message: reasonOf(error) };
}

/** Reasons that an error shows. */
const SHOWN = 5;

/** The error of samples of which none can be judged. */
export function nothingToJudge(path: string, leftOut: readonly LeftOutSample[]): RobleError {
  return new RobleError('ROBLE_SOURCE_EMPTY', `${path} holds no sample that can be judged.`, {
    received: leftOut.length === 0 ? 'no sample' : countOf(leftOut.length, 'sample'),
    expected: 'pictures with their labels',
    problems: leftOut.slice(0, SHOWN).map(({ source, code, message }) => ({ path: source, message, code })),
    skippedByCode: countByCode(leftOut),
    nextSteps: ['Check the path, and that pictures lie in a folder for each class.'],
  });
}
