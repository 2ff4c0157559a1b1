import { ERRORS, type ErrorCode, RobleError } from '../core/base/errors.js';
import type { HttpAnswer } from '../core/base/http.js';
import type { ProblemDetails } from '../core/serving/request/problem.js';

/** The error of an answer that is a problem (RFC 9457) of roble; of any other answer, that it is none. */
export function errorOfAnswer(url: URL, { status, body }: HttpAnswer): RobleError {
  const problem = parse(body);
  const { code, detail, received, expected, problems } = problem;
  if (code !== undefined && Object.hasOwn(ERRORS, code))
    return new RobleError(code, detail ?? ERRORS[code].meaning, {
      received,
      ...(expected !== undefined && { expected }),
      ...(problems !== undefined && { problems }),
    });
  return new RobleError('ROBLE_SERVER_UNREACHABLE', `${url.origin} gave no answer of roble.`, {
    received: `status ${status}${detail ? `: ${detail}` : ''}`,
    expected: 'a server that "roble serve" started',
  });
}

function parse(body: Buffer): Partial<ProblemDetails & { code: ErrorCode }> {
  try {
    const value = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    // A proxy in between answers with a page.
    return {};
  }
}
