import { RobleError } from '../../base/errors.js';
import { didYouMean } from '../../base/text.js';
import { findConfounds } from './confounds.js';
import { findDrift } from './drift.js';
import {
  findConflictingLabels,
  findDuplicates,
  findNearRepeats,
  findRepeats,
  type RepeatCluster,
} from './duplicates.js';
import { findLeaks } from './leaks.js';
import { findOrientation } from './orientation.js';
import { measureSubject, type SubjectStatistics } from './picture-statistics.js';
import { findStructure } from './structure.js';
import type { Finding, Subject } from './subject.js';
import { findBlank, findInverted, findOutliers } from './unusual-pictures.js';

/** The inputs of checks. Those that take time are computed when the first check asks for them, and kept. */
export class CheckInputs {
  readonly subject: Subject;
  #statistics: SubjectStatistics | undefined;
  #repeats: readonly RepeatCluster[] | undefined;

  constructor(subject: Subject) {
    this.subject = subject;
  }

  get statistics(): SubjectStatistics {
    this.#statistics ??= measureSubject(this.subject);
    return this.#statistics;
  }

  get repeats(): readonly RepeatCluster[] {
    this.#repeats ??= findRepeats(this.subject);
    return this.#repeats;
  }
}

export interface Check {
  /** Also that of its findings. */
  readonly name: string;
  /** What it does, for progress. */
  readonly title: string;
  readonly run: (inputs: CheckInputs) => readonly Finding[] | Promise<readonly Finding[]>;
}

/** The checks that need nothing but the data set, in the order in which they are run. */
const CHECKS: readonly Check[] = [
  {
    name: 'structure',
    title: 'Counting classes',
    run: ({ subject }) => findStructure(subject),
  },
  {
    name: 'leaks',
    title: 'Looking for leaks between splits',
    run: ({ subject, repeats }) => findLeaks(subject, repeats),
  },
  {
    name: 'duplicates',
    title: 'Looking for duplicates',
    run: ({ subject, repeats }) => findDuplicates(subject, repeats),
  },
  {
    name: 'near-duplicates',
    title: 'Looking for near-duplicates',
    run: ({ subject, repeats }) => findNearRepeats(subject, repeats),
  },
  {
    name: 'conflicting-labels',
    title: 'Looking for equal pictures with different labels',
    run: ({ subject, repeats }) => findConflictingLabels(subject, repeats),
  },
  {
    name: 'blank',
    title: 'Looking for blank pictures',
    run: ({ subject, statistics }) => findBlank(subject, statistics),
  },
  {
    name: 'inverted',
    title: 'Looking for swapped ink and paper',
    run: ({ subject, statistics }) => findInverted(subject, statistics),
  },
  {
    name: 'outliers',
    title: 'Looking for unusual pictures',
    run: ({ subject, statistics }) => findOutliers(subject, statistics),
  },
  {
    name: 'confounds',
    title: 'Looking for sources that reveal the class',
    run: ({ subject, statistics }) => findConfounds(subject, statistics),
  },
  {
    name: 'drift',
    title: 'Comparing splits and sources',
    run: ({ subject, statistics }) => findDrift(subject, statistics),
  },
  {
    name: 'orientation',
    title: 'Comparing with drawn characters',
    run: ({ subject }) => findOrientation(subject),
  },
];

/**
 * The checks to run: all, those of `only`, without those of `skip`.
 *
 * @param more checks that are run after the others
 *
 * @throws {RobleError} `ROBLE_USAGE` for an unknown name, or if none is left
 */
export function chooseChecks(
  only: readonly string[] | undefined,
  skip: readonly string[],
  more: readonly Check[],
): Check[] {
  const all = [...CHECKS, ...more];
  const names = all.map(({ name }) => name);
  const unknown = [...(only ?? []), ...skip].filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new RobleError('ROBLE_USAGE', 'There is no such check.', {
      received: unknown.join(', '),
      expected: names.join(', '),
      nextSteps: unknown.flatMap((name) => didYouMean(name, names)),
    });
  const chosen = all.filter(({ name }) => (only ?? names).includes(name) && !skip.includes(name));
  if (chosen.length === 0)
    throw new RobleError('ROBLE_USAGE', 'No check is left to run.', { expected: names.join(', ') });
  return chosen;
}
