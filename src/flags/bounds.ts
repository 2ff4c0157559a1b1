import * as Flags from '@oclif/core/flags';
import { type Bound, parseBound } from '../core/learning/analysis/bounds.js';

/**
 * Flags with bounds on metrics.
 *
 * @param reach what `--fail-under` says in the help
 * @param keep what `--fail-over` says in the help
 */
export function boundFlags(reach: string, keep: string) {
  const flag = (description: string) =>
    Flags.string({ multiple: true, multipleNonGreedy: true, helpValue: 'METRIC=NUMBER', description });
  return { 'fail-under': flag(reach), 'fail-over': flag(keep) };
}

/**
 * The bounds that {@link boundFlags} name.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseBounds(flags: {
  readonly 'fail-under'?: readonly string[] | undefined;
  readonly 'fail-over'?: readonly string[] | undefined;
}): Bound[] {
  return [
    ...(flags['fail-under'] ?? []).map((text) => parseBound(text, 'under')),
    ...(flags['fail-over'] ?? []).map((text) => parseBound(text, 'over')),
  ];
}
