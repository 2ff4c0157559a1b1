import { describe, expect, it } from 'vitest';
import { RobleError } from '../base/errors.js';
import type { PluginEntry, PluginKind, PluginKinds } from './contracts.js';
import { guardPlugin } from './guard.js';

const guardAny = (kind: PluginKind, plugin: object) =>
  guardPlugin(entryOf(kind), plugin as PluginKinds[typeof kind]) as unknown as Record<
    string,
    (...given: unknown[]) => unknown
  >;
const entryOf = (kind: PluginKind): PluginEntry => ({
  kind,
  name: 'odd',
  apiVersion: 1,
  module: 'data:text/javascript,',
  package: { name: 'roble-odd', version: '1.2.0' },
});

/** What it comes to; it may throw at once or reject. */
const failureOf = async (work: () => unknown): Promise<RobleError> =>
  (async () => work())().then(
    () => expect.fail('it did not fail'),
    (error) => error,
  );

/** Each function of a plugin that does what the test says, and how it is called. */
type Does = () => unknown;
const CALLS: readonly [PluginKind, string, (does: Does) => Promise<() => unknown>][] = [
  ['augmenter', 'apply', async (apply) => guardAny('augmenter', { apply }).apply!],
  ['augmenter', 'create', async (create) => guardAny('augmenter', { create }).create!],
  [
    'augmenter',
    'apply',
    async (apply) => {
      const made = guardAny('augmenter', { create: () => ({ apply }) }).create!() as { apply: Does };
      return () => made.apply();
    },
  ],
  ['reader', 'recognizes', async (recognizes) => guardAny('reader', { recognizes }).recognizes!],
  ['serving-backend', 'load', async (load) => guardAny('serving-backend', { load }).load!],
  [
    'serving-backend',
    'predict',
    async (predict) => {
      const predictor = { warmUp() {}, close() {}, predict };
      const load = async () => predictor;
      return ((await guardAny('serving-backend', { load }).load!()) as typeof predictor).predict;
    },
  ],
  ['training-engine', 'open', async (open) => guardAny('training-engine', { open }).open!],
  ['training-engine', 'devices', async (devices) => guardAny('training-engine', { devices }).devices!],
];

const THROWN = [
  [null, 'null'],
  [undefined, 'undefined'],
  ['only words', "'only words'"],
  [new Error('no\n  luck'), 'no luck'],
  [new RangeError(''), 'RangeError'],
] as const;

describe.each(CALLS)('what a %s throws in %s', (kind, where, made) => {
  it.each(THROWN)('(%s) is shown, with its name and package', async (thrown, shown) => {
    const isAsync = !['apply', 'create'].includes(where);
    const failing: Does[] = [
      () => {
        throw thrown;
      },
      ...(isAsync ? [() => Promise.reject(thrown)] : []),
    ];
    for (const does of failing)
      expect(await failureOf(await made(does))).toMatchObject({
        code: 'ROBLE_PLUGIN_INVALID',
        message: `The ${kind} "odd" of roble-odd 1.2.0 failed in "${where}": ${shown}`,
      });
  });

  it('with a code of roble is its own', async () => {
    const own = new RobleError('ROBLE_DEVICE_UNAVAILABLE', 'No such device.');
    const throws = () => {
      throw own;
    };
    expect(await failureOf(await made(throws))).toBe(own);
  });
});

it('refuses what a plugin gives in another form', async () => {
  const gives = async (kind: PluginKind, where: string, value: unknown) =>
    (await failureOf(() => guardAny(kind, { [where]: () => value })[where]!())).message;
  const promise = 'gives a promise; it has to be synchronous';
  expect(await gives('augmenter', 'apply', Promise.reject(new Error('nobody hears')))).toContain(
    `its apply ${promise}`,
  );
  expect(await gives('augmenter', 'create', Promise.resolve({}))).toContain(`its create ${promise}`);
  expect(await gives('reader', 'read', Promise.resolve([]))).toContain(`its read ${promise}`);
  expect(await gives('serving-backend', 'load', undefined)).toContain('its load gives undefined, no object');
  expect(await gives('serving-backend', 'load', Promise.resolve({ predict() {} }))).toContain(
    'what its load gives has no function warmUp, close',
  );
});

it('leaves a plugin what it is: its private fields, its settings, its frozen functions', () => {
  class Counter {
    #count = 0;
    readonly name = 'odd';
    get calls() {
      return this.#count;
    }
    apply() {
      this.#count++;
      return {};
    }
  }
  const frozen = Object.freeze(new Counter());
  const plugin = guardAny('augmenter', frozen) as unknown as Counter;
  expect(plugin.apply()).toEqual({});
  expect([plugin.calls, plugin.name, 'create' in plugin, 'apply' in plugin]).toEqual([1, 'odd', false, true]);
  expect({ ...plugin }).toEqual({ name: 'odd' });
});
