import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { glob } from 'tinyglobby';
import { isSettings, type Settings } from '../../config/merge.js';

/** The files of a stack, as its checks read them. */
export class StackFolder {
  constructor(readonly path: string) {}

  /** Of a file; undefined where there is none, or it is a folder. */
  async text(name: string): Promise<string | undefined> {
    return readFile(join(this.path, name), 'utf8').catch(() => undefined);
  }

  async has(name: string): Promise<boolean> {
    return (await this.mode(name)) !== undefined;
  }

  /** Rights, such as 0o755. */
  async mode(name: string): Promise<number | undefined> {
    return stat(join(this.path, name)).then(
      ({ mode }) => mode & 0o777,
      () => undefined,
    );
  }

  /** What a YAML or JSON file holds; an empty map where it holds something else, or is no such file: another check tells. */
  async settings(name: string): Promise<Settings> {
    const { parse } = await import('yaml');
    try {
      const value: unknown = parse((await this.text(name)) ?? '', { merge: true });
      return isSettings(value) ? value : {};
    } catch {
      return {};
    }
  }

  /** Relative, with `/`. */
  async find(patterns: readonly string[]): Promise<string[]> {
    return (await glob([...patterns], { cwd: this.path, dot: true })).sort();
  }
}

/** A value inside of settings; undefined where the way there does not exist. */
export function at(settings: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>((value, key) => (isSettings(value) ? value[key] : undefined), settings);
}

export function entriesAt(settings: unknown, ...keys: readonly string[]): [string, unknown][] {
  const value = at(settings, ...keys);
  return isSettings(value) ? Object.entries(value) : [];
}

/** The items of a list; none where there is no list. */
export function itemsAt(settings: unknown, ...keys: readonly string[]): unknown[] {
  const value = at(settings, ...keys);
  return Array.isArray(value) ? value : [];
}

/** The texts of a list. */
export function textsAt(settings: unknown, ...keys: readonly string[]): string[] {
  return itemsAt(settings, ...keys).filter((item) => typeof item === 'string');
}
