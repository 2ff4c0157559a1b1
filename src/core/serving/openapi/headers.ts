import type { OpenApiSchema } from '../http/route.js';

/** What headers depend on. */
interface OperationOfHeaders {
  readonly errors: readonly number[];
  readonly answer: Readonly<Record<string, unknown>>;
}

type Condition = (operation: OperationOfHeaders, status: number) => boolean;

interface AnswerHeader {
  readonly description: string;
  readonly schema: OpenApiSchema;
  /** Whether the answers of an operation with a status may have it; by default all may. */
  readonly isOf?: Condition;
}

const text: OpenApiSchema = { type: 'string' };
const number: OpenApiSchema = { type: 'integer' };
const ofStatus =
  (...statuses: readonly number[]): Condition =>
  (_, status) =>
    statuses.includes(status);
/** Where too many requests are refused, each answer says how many are left. */
const isLimited: Condition = ({ errors }) => errors.includes(429);

/** Headers of answers, by name, but for those that every server sends. */
const ANSWER_HEADERS: Readonly<Record<string, AnswerHeader>> = {
  'x-request-id': { description: 'Names the request in logs and for feedback.', schema: text },
  traceparent: { description: 'The trace of the request (W3C), where it has one.', schema: text },
  'ratelimit-limit': {
    description: 'Requests within a window, where there is a limit.',
    schema: number,
    isOf: isLimited,
  },
  'ratelimit-remaining': { description: 'Those that are left.', schema: number, isOf: isLimited },
  'ratelimit-reset': { description: 'Seconds until the window ends.', schema: number, isOf: isLimited },
  'www-authenticate': { description: 'How to send a key.', schema: text, isOf: ofStatus(401, 403) },
  'accept-encoding': {
    description: 'The content codings that the server takes, where it does not take that of the request.',
    schema: text,
    isOf: ofStatus(415),
  },
  'retry-after': { description: 'Seconds.', schema: number, isOf: ofStatus(429, 503) },
  'inference-header-content-length': {
    description: 'Bytes of JSON before the bytes of the tensors, where there are such.',
    schema: number,
    isOf: ({ answer }, status) => status === 200 && answer['application/octet-stream'] !== undefined,
  },
};

/** The headers of the answers of an operation with a status, as references. */
export function answerHeaders(
  operation: OperationOfHeaders,
  status: number,
): Readonly<Record<string, { readonly $ref: string }>> {
  const names = Object.entries(ANSWER_HEADERS)
    .filter(([, { isOf }]) => isOf?.(operation, status) ?? true)
    .map(([name]) => name);
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** What those refer to. */
export function componentHeaders(): Readonly<Record<string, Omit<AnswerHeader, 'isOf'>>> {
  return Object.fromEntries(
    Object.entries(ANSWER_HEADERS).map(([name, { description, schema }]) => [name, { description, schema }]),
  );
}
