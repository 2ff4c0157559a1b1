import { RobleError } from '../core/base/errors.js';
import { checkForm } from '../core/plugin/check-plugin.js';
import { PLUGIN_NAME, type PluginKind } from '../core/plugin/contracts.js';

/** What is wrong with a plugin, gathered so that its author sees all of it at once. */
export class Faults {
  readonly #what: string;
  readonly #found = new Set<string>();

  private constructor(what: string) {
    this.#what = what;
  }

  /**
   * The faults of a plugin, after its form has been looked at.
   *
   * @throws {RobleError} `ROBLE_PLUGIN_INVALID` where the form is wrong, so that it cannot be tried
   */
  static of(kind: PluginKind, plugin: { readonly name: string }): Faults {
    const name: unknown = (plugin as { name?: unknown } | null | undefined)?.name;
    const faults = new Faults(`The ${kind} ${JSON.stringify(name)}`);
    faults.check(
      typeof name === 'string' && PLUGIN_NAME.test(name),
      'its name is not made of lower-case letters, digits and dashes',
    );
    faults.add(...checkForm(kind, plugin, name as string));
    faults.throwIfAny();
    return faults;
  }

  /** The faults of something that is no plugin. */
  static ofThing(what: string): Faults {
    return new Faults(what);
  }

  get none(): boolean {
    return this.#found.size === 0;
  }

  add(...faults: readonly string[]): void {
    for (const fault of faults) this.#found.add(fault);
  }

  check(holds: boolean, fault: string): void {
    if (!holds) this.add(fault);
  }

  /** The result of some work; where it throws, that is a fault, and there is none. */
  async attempt<T>(what: string, work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.add(`${what} throws: ${describeThrown(error)}`);
      return undefined;
    }
  }

  /** @throws {RobleError} `ROBLE_PLUGIN_INVALID`, a line for each fault */
  throwIfAny(): void {
    if (this.none) return;
    const lines = [...this.#found].map((fault) => `\n  * ${fault}`);
    throw new RobleError('ROBLE_PLUGIN_INVALID', `${this.#what} is not what it should be:${lines.join('')}`);
  }
}

export function describeThrown(error: unknown): string {
  if (!(error instanceof RobleError)) return (error as Error)?.message ?? String(error);
  const { received } = error.details;
  return `${error.message}${received === undefined ? '' : ` Received: ${String(received)}.`}`;
}

/** Whether rows of probabilities are such: finite numbers from 0 on that add up to 1. Says what is wrong. */
export function faultOfProbabilities(answer: unknown, count: number, classes: number): string | undefined {
  if (!(answer instanceof Float32Array)) return 'no Float32Array';
  if (answer.length !== count * classes)
    return `${answer.length} numbers for ${count} pictures and ${classes} classes`;
  if (!answer.every((value) => Number.isFinite(value) && value >= 0))
    return 'probabilities that are no numbers, or are negative';
  for (let row = 0; row < count; row++) {
    const sum = answer.subarray(row * classes, (row + 1) * classes).reduce((a, b) => a + b, 0);
    if (Math.abs(sum - 1) > 1e-3) return `probabilities of a picture that add up to ${sum}, and not to 1`;
  }
  return undefined;
}
