import { RobleError } from '../base/errors.js';
import type { PluginEntry, PluginKind, PluginKinds } from './contracts.js';
import { describeOrigin } from './import-plugin.js';
import { describeThrown, isPromise } from './odd-values.js';

/** The functions of plugins that give an object whose functions are the plugin's too, and what these are. */
const MAKERS: Readonly<Record<string, readonly string[]>> = {
  create: ['apply'],
  load: ['warmUp', 'predict', 'close'],
  open: [...['step', 'setMicrobatchSize', 'evaluate', 'exportState', 'importState', 'exportOnnx', 'close']],
};
/** Those that give numbers. */
const NUMBERS: readonly string[] = ['predict', 'evaluate'];
/** Those that have to give what they give at once. */
const SYNCHRONOUS: readonly string[] = ['create', 'apply', 'read'];

/** What is wrong with what a function of a plugin gave, as a part of a sentence; undefined: nothing. */
export function faultInResult(where: string, value: unknown): string | undefined {
  if (isPromise(value) && SYNCHRONOUS.includes(where)) {
    // Nobody waits for it, and its failure must not end the process.
    value.then(undefined, () => {});
    return `its ${where} gives a promise; it has to be synchronous`;
  }
  const functions = Object.hasOwn(MAKERS, where) ? MAKERS[where]! : [];
  if (functions.length > 0 && (typeof value !== 'object' || value === null))
    return `its ${where} gives ${describeThrown(value)}, no object`;
  const missing = functions.filter((name) => typeof (value as Record<string, unknown>)[name] !== 'function');
  if (missing.length > 0) return `what its ${where} gives has no function ${missing.join(', ')}`;
  return NUMBERS.includes(where) && !(value instanceof Float32Array)
    ? `its ${where} gives ${describeThrown(value).slice(0, 80)}, no Float32Array`
    : undefined;
}

const nextSteps = ['Tell its authors, use another version of it, or leave it out.'];

/** `The augmenter "paper" of roble-paper 1.2.0` */
export const describePlugin = ({
  kind,
  name,
  package: origin,
}: Pick<PluginEntry, 'kind' | 'name' | 'package'>) => `The ${kind} "${name}" of ${describeOrigin(origin)}`;

/**
 * A plugin from outside, whose faults name it, wherever it is used: what it throws without a code of roble becomes
 * `ROBLE_PLUGIN_INVALID`, and what the system throws in it keeps its code. Its {@link RobleError}s are its own words.
 */
export function guardPlugin<K extends PluginKind>(
  entry: PluginEntry,
  plugin: PluginKinds[K],
): PluginKinds[K] {
  const who = describePlugin(entry);
  return guarded(plugin, {
    fault: (thrown, where) => faultOf(`${who} failed in "${where}"`, thrown),
    refuse: (fault) =>
      new RobleError('ROBLE_PLUGIN_INVALID', `${who} cannot be used: ${fault}.`, { nextSteps }),
  });
}

/** The error for what a plugin threw. @param what which plugin failed, in what */
export function faultOf(what: string, thrown: unknown): RobleError {
  if (thrown instanceof RobleError) return thrown;
  const { code, details } = RobleError.from(thrown);
  const isSystem = code !== 'ROBLE_INTERNAL';
  return new RobleError(isSystem ? code : 'ROBLE_PLUGIN_INVALID', `${what}: ${describeThrown(thrown)}`, {
    ...(isSystem ? details : { nextSteps }),
    cause: thrown,
  });
}

/** What becomes of the faults of a plugin. */
interface Guard {
  /** The error for what a function of it threw. */
  fault(thrown: unknown, where: string): RobleError;
  /** The error for what it gave. */
  refuse(fault: string): RobleError;
}
type Call = (...given: unknown[]) => unknown;

/**
 * An object that stands for another one. It is none that inherits from it, and no proxy of it: the other one may have
 * private fields, and may be frozen.
 */
function guarded<T extends object>(real: T, guard: Guard): T {
  const known = new Map<PropertyKey, { readonly given: unknown; readonly call: Call }>();
  const get = (key: PropertyKey): unknown => {
    const given = Reflect.get(real, key, real) as unknown;
    if (typeof given !== 'function' || typeof key !== 'string') return given;
    const earlier = known.get(key);
    if (earlier?.given === given) return earlier.call;
    const call = guardedCall(real, given as Call, key, guard);
    known.set(key, { given, call });
    return call;
  };
  return new Proxy({} as T, {
    get: (_, key) => get(key),
    has: (_, key) => Reflect.has(real, key),
    set: (_, key, value) => Reflect.set(real, key, value, real),
    ownKeys: () => Reflect.ownKeys(real),
    getOwnPropertyDescriptor: (_, key) =>
      Object.hasOwn(real, key)
        ? { value: get(key), writable: true, enumerable: true, configurable: true }
        : undefined,
  });
}

function guardedCall(real: object, given: Call, where: string, guard: Guard): Call {
  const checked = (value: unknown) => {
    const fault = faultInResult(where, value);
    if (fault !== undefined) throw guard.refuse(fault);
    return Object.hasOwn(MAKERS, where) ? guarded(value as object, guard) : value;
  };
  const fail = (thrown: unknown): never => {
    throw guard.fault(thrown, where);
  };
  return (...values) => {
    let answer: unknown;
    try {
      answer = given.apply(real, values);
    } catch (thrown) {
      return fail(thrown);
    }
    if (!isPromise(answer) || SYNCHRONOUS.includes(where)) return checked(answer);
    return Promise.resolve(answer).then(checked, fail);
  };
}

/** The packages of the plugins from outside that were let in, each as its name and version. */
export function guestsOf(entries: readonly PluginEntry[]): string[] {
  const used = entries.filter((entry) => entry.package && entry.isTried);
  return [...new Set(used.map((entry) => describeOrigin(entry.package)))];
}
