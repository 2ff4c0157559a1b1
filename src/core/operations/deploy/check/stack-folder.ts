import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { glob } from 'tinyglobby';
import { RobleError, unreadableFile } from '../../../base/errors.js';
import { isSettings, type Settings } from '../../../base/schema/merge.js';
import { isAbsent } from '../../../base/storage/files.js';
import { decodeText } from '../../../base/storage/text-file.js';

/** The files of a stack, as its checks read them. */
export class StackFolder {
  /** The files that a check asked for and that cannot be read, each with the reason. */
  readonly unreadable = new Map<string, RobleError>();

  constructor(readonly path: string) {}

  /** Of a file; undefined where there is none, it is a folder, or it is {@link unreadable}. */
  async text(name: string): Promise<string | undefined> {
    try {
      return decodeText(await readFile(join(this.path, name)), name, { code: 'ROBLE_STACK_INVALID' });
    } catch (thrown) {
      if (!isAbsent(thrown) && (thrown as NodeJS.ErrnoException).code !== 'EISDIR')
        this.unreadable.set(
          name,
          thrown instanceof RobleError ? thrown : unreadableFile(thrown as NodeJS.ErrnoException),
        );
      return undefined;
    }
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

  /** What a YAML or JSON file holds; an empty map where there is no such file, or it is {@link unreadable}. */
  async settings(name: string): Promise<Settings> {
    const { readJson, readYaml } = await import('../../../base/schema/yaml-text.js');
    const text = await this.text(name);
    if (text === undefined) return {};
    try {
      // Docker Compose has tags of its own, such as !reset.
      const { value } = name.endsWith('.json')
        ? readJson(text, { name })
        : readYaml(text, { name, anyTags: true });
      if (isSettings(value)) return value;
      const received = Array.isArray(value) ? 'a list' : JSON.stringify(value);
      this.unreadable.set(
        name,
        new RobleError('ROBLE_STACK_INVALID', `${name} holds no keys with values.`, { received }),
      );
    } catch (thrown) {
      if (!(thrown instanceof RobleError)) throw thrown;
      this.unreadable.set(name, thrown);
    }
    return {};
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
