import { RobleError } from '../../errors.js';

/** Names the limit, so that a client knows how much it may send. */
export function bodyTooLarge(received: string, maxBytes: number): RobleError {
  return new RobleError('ROBLE_REQUEST_TOO_LARGE', 'The body of the request is too large.', {
    received,
    expected: `at most ${maxBytes} bytes`,
  });
}
