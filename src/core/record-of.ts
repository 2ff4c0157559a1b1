import { z } from 'zod';

/**
 * Values by names that users choose, such as those of classes. It is `z.record`, which leaves out what is named
 * `__proto__` without a word; here that is a name like any other.
 */
export function recordOf<T>(values: z.ZodType<T>) {
  const record = z.record(z.string(), values);
  const { $schema: _, ...jsonSchema } = z.toJSONSchema(record, { io: 'input', target: 'draft-7' });
  return z
    .unknown()
    .transform((given, context): Readonly<Record<string, T>> => {
      const parsed = record.safeParse(given);
      const more = hasProto(given) ? values.safeParse(given[PROTO]) : undefined;
      const issues = [
        ...(parsed.error?.issues ?? []),
        ...(more?.error?.issues ?? []).map((issue) => ({ ...issue, path: [PROTO, ...issue.path] })),
      ];
      context.issues.push(...issues.map((issue) => ({ ...issue, input: given }) as z.core.$ZodRawIssue));
      // Unlike an assignment, this makes a property of any name.
      return Object.fromEntries([
        ...Object.entries(parsed.data ?? {}),
        ...(more?.success ? [[PROTO, more.data] as const] : []),
      ]);
    })
    .meta(jsonSchema);
}

const PROTO = '__proto__';

function hasProto(value: unknown): value is Record<typeof PROTO, unknown> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, PROTO);
}
