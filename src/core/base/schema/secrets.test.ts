import { expect, it } from 'vitest';
import { z } from 'zod';
import { configKeys, secretsSchema } from '../../config/keys.js';
import { configSchema } from '../../config/schema.js';
import { PluginRegistry } from '../../plugin/registry.js';
import { secret, urlWithPassword } from '../secret.js';
import { inputJsonSchema, type JsonSchema } from './json-schema.js';
import { hiderOf, hideSecrets, withoutSecrets } from './secrets.js';

const schema = inputJsonSchema(
  z.strictObject({
    token: secret(z.string()).optional().describe('A token.'),
    url: urlWithPassword(z.string()).default('none'),
    headers: z.record(z.string(), secret(z.string())).default({}),
    either: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('key'), key: secret(z.string().min(1)) }),
      z.strictObject({ type: z.literal('none') }),
    ]),
    list: z.array(z.strictObject({ pin: secret(z.int()), name: z.string() })),
    name: z.string(),
  }),
);
const VALUE = {
  token: 'public',
  url: 'redis://:s3cret-one@cache:6379',
  headers: { authorization: 'Bearer s3cret-two', 'x-team': 'blue' },
  either: { type: 'key', key: 's3cret-"three"' },
  list: [{ pin: 1234, name: 'first' }],
  name: 'Bearer nothing',
};

it('hides what is declared secret, whatever it looks like, and nothing else', () => {
  expect(hideSecrets(VALUE, schema)).toEqual({
    token: '***',
    url: 'redis://:***@cache:6379',
    headers: { authorization: '***', 'x-team': '***' },
    either: { type: 'key', key: '***' },
    list: [{ pin: '***', name: 'first' }],
    name: 'Bearer nothing',
  });
});

it('hides what stands in place of secrets, or of a group of them', () => {
  const wrong = {
    token: ['s3cret'],
    url: { s3cret: 's3cret' },
    headers: 's3cret',
    either: 's3cret',
    list: 's3cret',
  };
  expect(JSON.stringify(hideSecrets(wrong, schema))).not.toContain('s3cret');
});

it('leaves secrets out, and tells which', () => {
  const { value, secrets } = withoutSecrets({ ...VALUE, url: 'redis://cache' }, schema);
  expect(JSON.stringify(value)).not.toContain('s3cret');
  expect(value).toMatchObject({ url: 'redis://cache', list: [{ name: 'first' }], name: 'Bearer nothing' });
  expect(secrets).toEqual(['token', 'headers.authorization', 'headers.x-team', 'either.key', 'list[0].pin']);
});

it('hides them in words and in lines of JSON', () => {
  const hide = hiderOf(VALUE, schema);
  const text = `connect ${VALUE.url}: no s3cret-one, s3cret-two of "first"; ${VALUE.either.key}; http://a:b@host`;
  const shown = 'connect redis://:***@cache:6379: no ***, *** of "first"; ***; http://a:***@host';
  expect(hide(text)).toBe(shown);
  expect(JSON.parse(hide(JSON.stringify({ text })))).toEqual({ text: shown });
});

it('holds all secrets of the configuration, and those that a backend declares', async () => {
  const registry = new PluginRegistry([
    ...['declares', 'keeps-to-itself'].map((name) => ({
      name,
      apiVersion: 1,
      kind: 'serving-backend' as const,
      module: `data:text/javascript,import {z} from ${JSON.stringify(import.meta.resolve('zod'))};
        const options = z.strictObject({ url: z.string(), token: z.string().meta({ writeOnly: true }) });
        export const plugin = { ${name === 'declares' ? 'options' : ''} };`,
    })),
  ]);
  const shown = async (backend: string) => {
    const config = configSchema.parse({
      serve: {
        backend,
        backendOptions: { url: 'http://triton', token: 's3cret' },
        cache: { url: 'redis://:s3cret@cache' },
        predictions: { url: 'postgres://ada:s3cret@db/roble' },
        tracing: { url: 'http://ada:s3cret@collector' },
      },
    });
    const { serve } = hideSecrets(config, await secretsSchema(config, registry)) as typeof config;
    expect(JSON.stringify(serve)).not.toContain('s3cret');
    return serve.backendOptions;
  };
  expect(await shown('declares')).toEqual({ url: 'http://triton', token: '***' });
  expect(await shown('keeps-to-itself')).toBe('***');
  expect(await shown('not-there')).toBe('***');
});

it('is declared of every address of the configuration, and of what is opaque', () => {
  const isMarked = ({ writeOnly, anyOf = [] }: JsonSchema): boolean => writeOnly || anyOf.some(isMarked);
  const unmarked = configKeys().filter(
    ({ path, schema: node }) => (/url$/i.test(path) || node.type === 'object') && !isMarked(node),
  );
  expect(unmarked.map(({ path }) => path)).toEqual([]);
});
