import type { z } from 'zod';
import { describeIssues } from '../config/problems.js';
import { RobleError } from '../errors.js';

/**
 * What a request holds, as its schema gives it.
 *
 * @param hints what to do instead of using a key that is unknown, by its path
 * @throws {RobleError} `ROBLE_REQUEST_INVALID` with every problem at once
 */
export function checkedRequest<T>(
  schema: z.ZodType<T>,
  value: unknown,
  hints: Readonly<Record<string, string>> = {},
): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = describeIssues(parsed.error.issues, value, () => undefined, schema).map((problem) => {
    const suggestion = hints[problem.path] ?? problem.suggestion;
    return { ...problem, ...(suggestion !== undefined && { suggestion }) };
  });
  throw new RobleError('ROBLE_REQUEST_INVALID', 'The request is not of the expected form.', { problems });
}
