import { RobleError } from '../../base/errors.js';

/** One bundle, and the version that it is called. */
export interface BundlePlace {
  readonly folder: string;
  readonly version?: string;
}

/** What shall be served under one name. */
export interface ModelTarget {
  readonly stable: BundlePlace;
  /** Answers a share of the requests, 0..100 percent. */
  readonly canary?: BundlePlace & { readonly percent: number };
  /** Sees what the stable model sees, and answers nobody. */
  readonly shadow?: BundlePlace;
}

export function withoutRole(target: ModelTarget, role: 'canary' | 'shadow'): ModelTarget {
  const { [role]: _, ...rest } = target;
  return rest;
}

/**
 * The canary as the stable model.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID` where there is none
 */
export function withCanaryPromoted({ canary, ...rest }: ModelTarget): ModelTarget {
  if (!canary)
    throw new RobleError('ROBLE_REQUEST_INVALID', 'There is no canary to promote.', {
      expected: 'a canary that was started before',
    });
  const { percent, ...place } = canary;
  return { ...rest, stable: place };
}

/**
 * What was served before the last change: without the canary, or with the stable model before this one.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID` where there is neither
 */
export function targetBefore(target: ModelTarget, previous: BundlePlace | undefined): ModelTarget {
  if (target.canary) return withoutRole(target, 'canary');
  if (previous) return { ...target, stable: previous };
  throw new RobleError('ROBLE_REQUEST_INVALID', 'There is nothing to roll back to.', {
    expected: 'a canary, or a version that was served before',
  });
}
