import { ERRORS, type ErrorCode, type Problem, RobleError } from '../../base/errors.js';

/** An error answer in the form of RFC 9457. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly received?: unknown;
  readonly expected?: string;
  /** Where the request has several faults, each of them. */
  readonly problems?: readonly Problem[];
}

/** What a request for predictions may hold. */
export const ACCEPTED_BODIES =
  'an image (image/* or application/octet-stream), multipart/form-data with files, or application/json';

const STATUS: Partial<Record<ErrorCode, number>> = {
  ROBLE_REQUEST_INVALID: 400,
  ROBLE_REQUEST_TOO_LARGE: 413,
  ROBLE_REQUEST_UNSUPPORTED: 415,
  ROBLE_CODING_UNSUPPORTED: 415,
  ROBLE_KEY_REFUSED: 401,
  ROBLE_SCOPE_MISSING: 403,
  ROBLE_ORIGIN_REFUSED: 403,
  ROBLE_ROUTE_UNKNOWN: 404,
  ROBLE_METHOD_UNKNOWN: 501,
  ROBLE_MODEL_UNKNOWN: 404,
  ROBLE_REQUEST_SLOW: 408,
  ROBLE_IMAGE_EMPTY: 400,
  ROBLE_IMAGE_SHAPE: 400,
  ROBLE_STROKES_INVALID: 422,
  ROBLE_IMAGE_TRUNCATED: 422,
  ROBLE_IMAGE_UNREADABLE: 422,
  ROBLE_IMAGE_UNSUPPORTED: 422,
  ROBLE_IMAGE_TOO_SMALL: 422,
  ROBLE_IMAGE_ANIMATED: 422,
  ROBLE_IMAGE_VALUES: 422,
  ROBLE_IMAGE_TOO_LARGE: 413,
  // Of feedback.
  ROBLE_LABEL_RANGE: 422,
  ROBLE_PREDICTION_UNKNOWN: 404,
  ROBLE_PREDICTIONS_OFF: 501,
  ROBLE_PREDICTIONS_UNAVAILABLE: 503,
  // Of a request to serve another model.
  ROBLE_CONFIG_INVALID: 422,
  ROBLE_BUNDLE_INVALID: 422,
  ROBLE_FILE_NOT_FOUND: 422,
  ROBLE_RATE_LIMITED: 429,
  ROBLE_SERVER_BUSY: 429,
  // Of a backend that forwards to another server.
  ROBLE_SERVER_UNREACHABLE: 502,
  ROBLE_SERVER_NOT_READY: 503,
  ROBLE_DEADLINE_EXCEEDED: 504,
  // Nobody reads this answer; the number is the one that nginx counts it under.
  ROBLE_REQUEST_ABANDONED: 499,
};

/** Errors tell what was received; an answer repeats no flood. */
const MAX_TEXT = 500;

/** What is said instead of faults inside. */
const HIDDEN: Readonly<Record<number, string>> = {
  500: 'The server failed to answer; its log says why.',
  502: 'The server that this one forwards to gave no answer that can be used; its log says why.',
};

/** The answer for an error; what is not the client's doing tells nothing of the inside. */
export function problemOf(thrown: unknown): ProblemDetails {
  const error = fromFramework(thrown) ?? RobleError.from(thrown);
  const status = STATUS[error.code] ?? 500;
  const isTold = HIDDEN[status] === undefined;
  const { received, expected, problems } = error.details;
  return {
    type: `urn:roble:error:${error.code}`,
    title: ERRORS[error.code].meaning,
    status,
    detail: HIDDEN[status] ?? shortened(error.message),
    code: error.code,
    ...(isTold && received !== undefined && { received: shortened(received) }),
    ...(isTold && expected !== undefined && { expected }),
    ...(isTold && problems !== undefined && { problems }),
  };
}

function shortened<T>(value: T): T | string {
  return typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}...` : value;
}

const FRAMEWORK_CODES: Readonly<Record<number, ErrorCode>> = {
  404: 'ROBLE_ROUTE_UNKNOWN',
  413: 'ROBLE_REQUEST_TOO_LARGE',
  415: 'ROBLE_REQUEST_UNSUPPORTED',
};

/** The web framework's own errors, which come before any of our code runs. */
function fromFramework(thrown: unknown): RobleError | undefined {
  const { statusCode, message } = (thrown ?? {}) as { statusCode?: number; message?: string };
  if (thrown instanceof RobleError || statusCode === undefined || statusCode >= 500) return undefined;
  const code = FRAMEWORK_CODES[statusCode] ?? 'ROBLE_REQUEST_INVALID';
  return new RobleError(code, message || 'The request cannot be read.', {
    ...(statusCode === 415 && { expected: 'a content type such as application/json' }),
  });
}
