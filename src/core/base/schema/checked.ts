import { z } from 'zod';
import { type ErrorCode, RobleError } from '../errors.js';
import { parseJsonText } from './json-text.js';

/**
 * What a JSON file holds, as its schema gives it.
 *
 * @param path names the file in messages
 * @throws {RobleError} of the given code when it is no JSON, or not of the form
 */
export function checkedJson<T>(schema: z.ZodType<T>, text: string, code: ErrorCode, path: string): T {
  return checked(schema, parseJsonText(text, path, code), code, `${path} is not of the expected form.`);
}

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

export const positive = z.int().positive();
export const path = z.string().min(1);
