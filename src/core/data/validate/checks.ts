import { RobleError } from '../../base/errors.js';
import type { Check as BaseCheck } from '../../base/findings.js';
import { didYouMean } from '../../base/text/text.js';
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
import { measurePhotographs, type SubjectPhotographs } from './photograph-statistics.js';
import { findBlurred, findExposure, findLong } from './photographs.js';
import { measureSubject, type SubjectStatistics } from './picture-statistics.js';
import { findStructure } from './structure.js';
import type { Finding, Subject } from './subject.js';
import { findBlank, findInverted, findOutliers } from './unusual-pictures.js';

/** The inputs of checks. Those that take time are computed when the first check asks for them, and kept. */
export class CheckInputs {
  readonly subject: Subject;
  #statistics: SubjectStatistics | undefined;
  #photographs: { readonly measured: SubjectPhotographs | undefined } | undefined;
  #repeats: readonly RepeatCluster[] | undefined;

  constructor(subject: Subject) {
    this.subject = subject;
  }

  get statistics(): SubjectStatistics {
    this.#statistics ??= measureSubject(this.subject);
    return this.#statistics;
  }

  /** Undefined for drawings. */
  get photographs(): SubjectPhotographs | undefined {
    this.#photographs ??= { measured: measurePhotographs(this.subject) };
    return this.#photographs.measured;
  }

  get repeats(): readonly RepeatCluster[] {
    this.#repeats ??= findRepeats(this.subject);
    return this.#repeats;
  }
}

/** A check of a data set; its id is the name that its findings have. */
export type Check = BaseCheck<CheckInputs, readonly Finding[]>;

/** The checks that need nothing but the data set, in the order in which they are run. */
const CHECKS: readonly Check[] = [
  {
    id: 'structure',
    title: 'Counting classes',
    run: ({ subject }) => findStructure(subject),
  },
  {
    id: 'leaks',
    title: 'Looking for leaks between splits',
    run: ({ subject, repeats }) => findLeaks(subject, repeats),
  },
  {
    id: 'duplicates',
    title: 'Looking for duplicates',
    run: ({ subject, repeats }) => findDuplicates(subject, repeats),
  },
  {
    id: 'near-duplicates',
    title: 'Looking for near-duplicates',
    run: ({ subject, repeats }) => findNearRepeats(subject, repeats),
  },
  {
    id: 'conflicting-labels',
    title: 'Looking for equal pictures with different labels',
    run: ({ subject, repeats }) => findConflictingLabels(subject, repeats),
  },
  {
    id: 'blank',
    title: 'Looking for blank pictures',
    run: ({ subject, statistics }) => findBlank(subject, statistics),
  },
  {
    id: 'inverted',
    title: 'Looking for swapped ink and paper',
    run: ({ subject, statistics }) => findInverted(subject, statistics),
  },
  {
    id: 'outliers',
    title: 'Looking for unusual pictures',
    // The ink of photographs is whatever they show.
    run: ({ subject, statistics, photographs }) => (photographs ? [] : findOutliers(subject, statistics)),
  },
  {
    id: 'blurred',
    title: 'Looking for blurred photographs',
    run: ({ subject, photographs }) => (photographs ? findBlurred(subject, photographs) : []),
  },
  {
    id: 'exposure',
    title: 'Looking for dark and overexposed photographs',
    run: ({ subject, photographs }) => (photographs ? findExposure(subject, photographs) : []),
  },
  {
    id: 'long',
    title: 'Looking for photographs that are far longer than wide',
    run: ({ subject, photographs }) => (photographs ? findLong(subject, photographs) : []),
  },
  {
    id: 'confounds',
    title: 'Looking for sources that reveal the class',
    run: ({ subject, statistics }) => findConfounds(subject, statistics),
  },
  {
    id: 'drift',
    title: 'Comparing splits and sources',
    run: ({ subject, statistics }) => findDrift(subject, statistics),
  },
  {
    id: 'orientation',
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
  const names = all.map(({ id }) => id);
  const unknown = [...(only ?? []), ...skip].filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new RobleError('ROBLE_USAGE', 'There is no such check.', {
      received: unknown.join(', '),
      expected: names.join(', '),
      nextSteps: unknown.flatMap((name) => didYouMean(name, names)),
    });
  const chosen = all.filter(({ id }) => (only ?? names).includes(id) && !skip.includes(id));
  if (chosen.length === 0)
    throw new RobleError('ROBLE_USAGE', 'No check is left to run.', { expected: names.join(', ') });
  return chosen;
}
