import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type Problem, RobleError } from '../../base/errors.js';
import { describeIssues } from '../../base/schema/issues.js';
import { inputJsonSchema } from '../../base/schema/json-schema.js';
import { shownValue } from '../../base/text/text.js';

/**
 * What a request holds, as its schema gives it.
 *
 * @param hints what to do instead of using a key that is unknown, by its path
 * @throws {RobleError} `ROBLE_REQUEST_INVALID` with every problem at once
 */
export function checkedRequest<S extends z.ZodType>(
  schema: S,
  value: unknown,
  hints: ReadonlyMap<string, string> = new Map(),
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = describeIssues(parsed.error.issues, value, () => undefined, inputJsonSchema(schema)).map(
    (problem) => {
      const suggestion = hints.get(problem.path) ?? problem.suggestion;
      return { ...problem, ...(suggestion !== undefined && { suggestion }) };
    },
  );
  const shown = problems.slice(0, MAX_SHOWN).map(sentence).join('; ');
  throw new RobleError('ROBLE_REQUEST_INVALID', `The request is not of the expected form: ${shown}`, {
    problems,
  });
}

/** Problems in the message; the list of problems has all. */
const MAX_SHOWN = 3;

function sentence({ path, message, suggestion }: Problem): string {
  return [`${path ? `"${path}": ` : ''}${message}.`, suggestion ?? []].flat().join(' ');
}

/**
 * A body that has to be a JSON object.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`
 */
export function requestObject(body: unknown): object {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  throw new RobleError('ROBLE_REQUEST_INVALID', 'The body is no JSON object.', {
    received: shownValue(body),
    expected: 'a JSON object',
  });
}

/** The key of the one form that a body has; undefined when it has none of them or several. */
export function onlyForm<T extends object>(body: object, forms: T): keyof T | undefined {
  const given = (Object.keys(forms) as (keyof T)[]).filter((form) => Object.hasOwn(body, form));
  return given.length === 1 ? given[0] : undefined;
}

/**
 * A hook of routes that take no query: one that does something refuses a query, which would have no effect. One that only
 * reads ignores it, because probes and caches add some.
 */
export function refuseQuery(
  { query, method }: FastifyRequest,
  _: FastifyReply,
  done: (error?: Error) => void,
): void {
  const names = Object.keys(query as object);
  if (names.length === 0 || method === 'GET' || method === 'HEAD') done();
  else
    done(
      new RobleError(
        'ROBLE_REQUEST_INVALID',
        `The query says "${names.join('", "')}", which means nothing here.`,
        {
          received: names.join(', '),
          expected: 'no query',
        },
      ),
    );
}
