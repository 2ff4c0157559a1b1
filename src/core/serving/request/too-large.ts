import { RobleError } from '../../base/errors.js';

/** How large a body may be, and the key that says so, where one does. */
export interface BodyLimit {
  readonly maxBytes: number;
  readonly key?: string | undefined;
}

/** Names the limit, so that a client knows how much it may send, and its operator what to raise. */
export function bodyTooLarge(received: string, { maxBytes, key }: BodyLimit): RobleError {
  const than = key === undefined ? 'it may be' : `${key} allows`;
  return new RobleError('ROBLE_REQUEST_TOO_LARGE', `The body of the request is larger than ${than}.`, {
    received,
    expected: `at most ${maxBytes} bytes`,
  });
}
