import { z } from 'zod';

const PROTO = '__proto__';

/**
 * Values by names that users choose, such as those of classes: `z.record`, which leaves out what is named `__proto__`
 * without a word, with that as a name like any other.
 */
export function recordOf<T extends z.ZodType>(values: T): z.ZodRecord<z.ZodString, T> {
  return new RecordOfNames({ type: 'record', keyType: z.string(), valueType: values }) as never;
}

const RecordOfNames = z.core.$constructor('RecordOfNames', (inst: z.ZodRecord, def: z.core.$ZodRecordDef) => {
  z.ZodRecord.init(inst, def);
  const { parse } = inst._zod;
  inst._zod.parse = (payload, context) => {
    const given = payload.value;
    const parsed = parse(payload, context);
    if (parsed instanceof Promise || !hasProto(given)) return parsed;
    const own = def.valueType._zod.run({ value: given[PROTO], issues: [] }, context);
    if (own instanceof Promise) throw new z.core.$ZodAsyncError();
    parsed.issues.push(...z.core.util.prefixIssues(PROTO, own.issues));
    // Unlike an assignment, this makes a property of any name.
    parsed.value = Object.fromEntries([...Object.entries(parsed.value as object), [PROTO, own.value]]);
    return parsed;
  };
});

function hasProto(value: unknown): value is Record<typeof PROTO, unknown> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, PROTO);
}
