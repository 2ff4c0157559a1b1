import { type Context, refuseInterrupted, withStep } from './context.js';

/**
 * What was found in a machine, a stack, a data set or the history of a run. Where it was found is said in the words of
 * each room, by `Place`: a file, samples, epochs with what was measured in them.
 */
export type Finding<Place, Severity extends string, Suggestion = string> = Place & {
  readonly severity: Severity;
  /** What was seen, with its numbers. */
  readonly message: string;
  /** What to do about it, with the command where there is one. */
  readonly suggestion?: Suggestion;
};

/** Findings in the order of their severities; those of one severity stay in theirs. */
export function bySeverity<Severity extends string, Found extends { readonly severity: Severity }>(
  findings: readonly Found[],
  severities: readonly Severity[],
): Found[] {
  return severities.flatMap((severity) => findings.filter((finding) => finding.severity === severity));
}

/** Looks at one side of a subject, and changes nothing. */
export interface Check<Subject, Outcome, Id extends string = string> {
  readonly id: Id;
  /** What it looks at, for people. */
  readonly title: string;
  run(subject: Subject): Outcome | Promise<Outcome>;
}

/**
 * Runs checks in their order, each as a step of the progress. A check that throws ends them all: it cannot say whether
 * anything is wrong.
 *
 * @param stepPrefix of the ids of the steps
 * @throws {RobleError} `ROBLE_INTERRUPTED`, and whatever a check throws
 */
export async function* runChecks<Subject, Outcome, Id extends string>(
  checks: readonly Check<Subject, Outcome, Id>[],
  subject: Subject,
  context: Context,
  stepPrefix = '',
): AsyncGenerator<readonly [check: Check<Subject, Outcome, Id>, outcome: Outcome]> {
  for (const check of checks) {
    refuseInterrupted(context);
    const { id, title } = check;
    yield [check, await withStep(context, `${stepPrefix}${id}`, title, async () => check.run(subject))];
  }
}
