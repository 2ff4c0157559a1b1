import type { SplitName } from '../dataset/format.js';

/** `error`: results on this data mean nothing or mislead. `warning`: worth mending. `info`: worth knowing. */
export const SEVERITIES = ['error', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface SamplePlace {
  readonly split: SplitName;
  /** Its place in the split, from 0. */
  readonly index: number;
}

/** A sample that a finding is about. */
export interface FoundSample extends SamplePlace {
  /** Name of its class. */
  readonly label: string;
  /** The source's own name of it. */
  readonly source: string;
  /** Why it was found, in a few words; the label that it seems to have, the sample that it repeats. */
  readonly detail?: string;
  /** The sample that it repeats, to be shown beside it. */
  readonly like?: SamplePlace;
}

/** Something that a check found. */
export interface Finding {
  /** Name of the check, such as `near-duplicates`. */
  readonly check: string;
  readonly severity: Severity;
  /** One sentence with the numbers. */
  readonly message: string;
  /** How to mend it, with the command where there is one. */
  readonly suggestion?: string;
  /** All of them, the worst first. */
  readonly samples: readonly FoundSample[];
}
