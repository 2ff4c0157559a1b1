import { hidePasswords, hideUrlPassword, STARS } from '../secret.js';
import { dereference, type JsonSchema } from './json-schema.js';
import { formatPath, isSettings } from './merge.js';

/** Shorter ones are words that other sentences hold as well. */
const LEAST_CHARACTERS = 8;

interface FoundSecret {
  readonly path: readonly PropertyKey[];
  readonly value: unknown;
  /** What may be seen of it. */
  readonly shown: string;
}

/** Settings with each secret that their schema declares hidden. */
export function hideSecrets(value: unknown, schema: JsonSchema): unknown {
  return replaceSecrets(value, schema, ({ shown }) => shown);
}

/** Settings without the secrets in them, and the paths of those. */
export function withoutSecrets(value: unknown, schema: JsonSchema): { value: unknown; secrets: string[] } {
  const secrets: string[] = [];
  const rest = replaceSecrets(value, schema, ({ path, value: found, shown }) => {
    if (shown === found) return found;
    secrets.push(formatPath(path));
    return undefined;
  });
  return { value: rest, secrets };
}

/** Hides secrets in words: in errors and their causes, in warnings, in a log. */
export type HideInText = (text: string) => string;

/** Hides the secrets that settings hold, and the passwords of all URLs. */
export function hiderOf(value: unknown, schema: JsonSchema): HideInText {
  const shownAs = new Map<string, string>();
  const add = (text: string, shown: string) => {
    if (text.length < LEAST_CHARACTERS || text === shown) return;
    shownAs.set(text, shown);
    // As it is in a line of JSON.
    shownAs.set(JSON.stringify(text).slice(1, -1), shown);
  };
  replaceSecrets(value, schema, ({ value: found, shown }) => {
    if (typeof found !== 'string') return found;
    add(found, shown);
    if (shown === STARS) for (const word of found.split(/\s+/)) add(word, STARS);
    else for (const word of passwordsOf(found)) add(word, STARS);
    return found;
  });
  const longestFirst = [...shownAs].sort(([a], [b]) => b.length - a.length);
  return (text) =>
    hidePasswords(longestFirst.reduce((rest, [found, shown]) => rest.replaceAll(found, shown), text));
}

function passwordsOf(url: string): string[] {
  const { password = '' } = URL.canParse(url) ? new URL(url) : {};
  const [, written = ''] = /:\/\/[^:/?#]*:(.*)@/s.exec(url) ?? [];
  return [written, password];
}

/** Settings with something in place of each secret; undefined removes it. */
function replaceSecrets(
  settings: unknown,
  root: JsonSchema,
  replace: (found: FoundSecret) => unknown,
): unknown {
  const visit = (value: unknown, reference: JsonSchema, path: readonly PropertyKey[]): unknown => {
    if (value === undefined || value === null) return value;
    const node = dereference(root, reference);
    const isUrl = node.format === 'uri-reference' && typeof value === 'string';
    if (node.writeOnly) return replace({ path, value, shown: isUrl ? hideUrlPassword(value) : STARS });
    const options = [...(node.anyOf ?? []), ...(node.oneOf ?? [])];
    if (options.length > 0)
      return options.reduce<unknown>((rest, option) => visit(rest, option, path), value);
    if (Array.isArray(value)) {
      const { items } = node;
      return value.map((item, i) => {
        const schema = Array.isArray(items) ? items[i] : items;
        return schema ? visit(item, schema, [...path, i]) : item;
      });
    }
    if (!isSettings(value)) return holdsSecret(root, node) ? replace({ path, value, shown: STARS }) : value;
    const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
      const { additionalProperties } = node;
      const schema =
        (Object.hasOwn(node.properties ?? {}, key) ? node.properties![key] : undefined) ??
        (typeof additionalProperties === 'object' ? additionalProperties : undefined);
      return [key, schema ? visit(inner, schema, [...path, key]) : inner];
    });
    return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
  };
  // What is checked may be a flood, such as the body of a request: it is not looked at for nothing.
  return holdsSecret(root, root) ? visit(settings, root, []) : settings;
}

/** Whether there is a secret in a group, in whose place somebody may have put it. */
function holdsSecret(root: JsonSchema, reference: JsonSchema, seen = new Set<JsonSchema>()): boolean {
  const node = dereference(root, reference);
  // The layers of a network hold layers.
  if (seen.has(node)) return false;
  seen.add(node);
  const { additionalProperties, properties = {}, items = [], anyOf = [], oneOf = [] } = node;
  const inner = [
    ...Object.values(properties),
    ...(typeof additionalProperties === 'object' ? [additionalProperties] : []),
    ...[items].flat(),
    ...anyOf,
    ...oneOf,
  ];
  return Boolean(node.writeOnly) || inner.some((child) => holdsSecret(root, child, seen));
}
