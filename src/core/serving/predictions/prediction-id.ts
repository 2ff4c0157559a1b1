import { randomUUID } from 'node:crypto';

/** Places in the twelve bits behind the time. */
const PLACES = 0x1000;

/**
 * Ids in the order of the time, and of the calls within a millisecond: UUIDs of version 7 (RFC 9562), with a counter in the
 * bits that may hold one. An index over them grows at its end, and what was written already is known again.
 */
export class PredictionIds {
  #count = 0;

  next(at: Date): string {
    const place = this.#count++ % PLACES;
    return `${timePart(at)}-7${place.toString(16).padStart(3, '0')}${randomUUID().slice(18)}`;
  }
}

/** The lowest id of a time. */
export function lowestIdAt(at: Date): string {
  return `${timePart(at)}-0000-0000-000000000000`;
}

function timePart(at: Date): string {
  const hexadecimal = at.getTime().toString(16).padStart(12, '0');
  return `${hexadecimal.slice(0, 8)}-${hexadecimal.slice(8)}`;
}
