import type { z } from 'zod';
import type { Problem } from '../errors.js';
import { didYouMean, shownValue } from '../text/text.js';
import { type JsonSchema, knownKeys } from './json-schema.js';
import { formatPath } from './merge.js';
import { hideSecrets } from './secrets.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];
/** Where a value came from, in words; undefined where that goes without saying. */
type OriginOf = (path: Path) => string | undefined;

/**
 * What a check by a schema found, in words for whoever wrote the value: each problem with its path, a suggestion where
 * there is one, and where the value came from.
 *
 * @param schema that of what is written, such as {@link inputJsonSchema} derives it
 */
export function describeIssues(
  issues: readonly Issue[],
  value: unknown,
  originOf: OriginOf,
  schema: JsonSchema,
): Problem[] {
  const shown = hideSecrets(value, schema);
  return issues
    .flatMap(intoOption)
    .flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownKey(schema, issue.path, key, value, originOf))
        : [wrongValue(issue, valueAt(shown, issue.path), originOf)],
    );
}

/** Of alternatives, what is wrong with the one that is meant: the one of the right kind with something wrong in it. */
function intoOption(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.find(
    (option) => option.length > 0 && option.every(({ path }) => path.length > 0),
  );
  if (!meant) return [issue];
  return meant.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })).flatMap(intoOption);
}

function unknownKey(schema: JsonSchema, at: Path, key: string, value: unknown, originOf: OriginOf): Problem {
  const known = knownKeys(schema, at, value);
  const [suggestion = known.length > 0 ? `Known keys here: ${known.join(', ')}.` : undefined] = didYouMean(
    key,
    known,
  );
  const path = [...at, key];
  return {
    path: formatPath(path),
    message: `unknown key${inBrackets(originOf(path))}`,
    ...(suggestion !== undefined && { suggestion }),
  };
}

function wrongValue(issue: Issue, received: unknown, originOf: OriginOf): Problem {
  const suggestion = suggest(issue, received);
  return {
    path: formatPath(issue.path),
    message: `${expectation(issue, received)}, received ${shownValue(received)}${inBrackets(originOf(issue.path))}`,
    ...(suggestion !== undefined && { suggestion }),
  };
}

function inBrackets(origin: string | undefined): string {
  return origin === undefined ? '' : ` (${origin})`;
}

const TYPES: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  object: 'keys with values',
  record: 'keys with values',
  array: 'a list',
  tuple: 'a list of whole numbers',
};

function expectation(issue: Issue, received?: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      if (typeof received === 'number' && issue.expected === 'number') return 'expected a finite number';
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${oneOf(issue.values)}`;
    case 'too_small':
      return bound(issue.origin, issue.inclusive === false ? '>' : '>=', issue.minimum);
    case 'too_big':
      return bound(issue.origin, issue.inclusive === false ? '<' : '<=', issue.maximum);
    case 'invalid_union':
      return unionExpectation(issue);
    default:
      return issue.message;
  }
}

function bound(kind: string, sign: string, limit: number | bigint): string {
  if (kind === 'string' || kind === 'array') {
    if (sign === '>=' && limit === 1) return 'expected something that is not empty';
    return `expected a length ${sign} ${limit}`;
  }
  return `expected ${TYPES[kind] ?? 'a number'} ${sign} ${limit}`;
}

function unionExpectation(issue: Issue & { code: 'invalid_union' }): string {
  // Options that are told apart by a key: zod lists their names, but its type does not say so.
  const { options } = issue as { options?: readonly unknown[] };
  if (issue.errors.length === 0) return `expected ${oneOf(options ?? [])}`;
  const expected = issue.errors.flatMap(([first]) =>
    first ? [expectation(first).replace(/^expected /, '')] : [],
  );
  return `expected ${[...new Set(expected)].join(' or ')}`;
}

function oneOf(values: readonly unknown[]): string {
  return `${values.length > 1 ? 'one of ' : ''}${values.map((value) => JSON.stringify(value)).join(', ')}`;
}

function suggest(issue: Issue, received: unknown): string | undefined {
  if (received === null) return 'Give it a value, or remove the key to get the default.';
  if (typeof received !== 'string') return undefined;
  if (issue.code === 'invalid_value') return didYouMean(received, issue.values.map(String))[0];
  if (issue.code === 'invalid_union')
    return didYouMean(received, ((issue as { options?: unknown[] }).options ?? []).map(String))[0];
  const isNumber = issue.code === 'invalid_type' && (issue.expected === 'number' || issue.expected === 'int');
  return isNumber && received.trim() !== '' && Number.isFinite(Number(received))
    ? 'Remove the quotes around it.'
    : undefined;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value);
}
