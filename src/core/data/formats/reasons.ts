import type { ErrorCode, RobleError } from '../../base/errors.js';

/** Why a sample could not be used, in a sentence or two. */
export function reasonOf({ message, details }: RobleError): string {
  return details.received === undefined ? message : `${message} Received: ${String(details.received)}.`;
}

/** How many samples could not be used, by the code of the reason. */
export function countByCode(
  leftOut: readonly { readonly code: ErrorCode }[],
): Partial<Record<ErrorCode, number>> {
  const counts: Partial<Record<ErrorCode, number>> = {};
  for (const { code } of leftOut) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/** `3 x ROBLE_IMAGE_EMPTY, 1 x ROBLE_IMAGE_TRUNCATED` */
export function timesByCode(counts: Partial<Record<ErrorCode, number>>): string {
  return Object.entries(counts)
    .map(([code, times]) => `${times} x ${code}`)
    .join(', ');
}
