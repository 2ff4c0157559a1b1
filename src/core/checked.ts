import type { z } from 'zod';
import { type ErrorCode, RobleError } from './errors.js';

/**
 * The value as its schema gives it, defaults filled in.
 *
 * @throws {RobleError} of the given code and message, with every problem at once.
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, code: ErrorCode, message: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RobleError(code, message, {
    problems: parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })),
  });
}
