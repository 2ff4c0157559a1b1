import { fileVersion } from '../../base/storage/file-version.js';
import { type ApiKey, findKey } from './api-key.js';
import { readKeys } from './api-keys.js';

/** A key that is revoked works for no longer than this. */
const FRESH_MS = 500;

/** The keys of a file, read again when it changed. What cannot be read leaves the last good keys in force. */
export class KeyRing {
  readonly #path: string;
  readonly #warn: (message: string) => void;
  readonly #now: () => number;
  #keys: readonly ApiKey[];
  #version: string | undefined;
  #checkedAt: number;
  #checking: Promise<void> | undefined;

  private constructor(
    path: string,
    keys: readonly ApiKey[],
    version: string | undefined,
    warn: (message: string) => void,
    now: () => number,
  ) {
    this.#path = path;
    this.#keys = keys;
    this.#version = version;
    this.#warn = warn;
    this.#now = now;
    this.#checkedAt = now();
  }

  /** @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_KEYS_INVALID`: without keys a server must not start open */
  static async open(
    path: string,
    warn: (message: string) => void,
    now = () => performance.now(),
  ): Promise<KeyRing> {
    const version = await fileVersion(path);
    return new KeyRing(path, await readKeys(path), version, warn, now);
  }

  /** The record of a key, revoked and expired ones too; undefined for a word that is no key. */
  async find(secret: string): Promise<ApiKey | undefined> {
    if (this.#now() - this.#checkedAt > FRESH_MS) {
      this.#checking ??= this.#readAgain().finally(() => {
        this.#checking = undefined;
      });
      await this.#checking;
    }
    return findKey(this.#keys, secret);
  }

  async #readAgain(): Promise<void> {
    const version = await fileVersion(this.#path);
    if (version !== this.#version) {
      this.#version = version;
      try {
        this.#keys = await readKeys(this.#path);
      } catch (error) {
        this.#warn(`The keys stay as they were: ${(error as Error).message}`);
      }
    }
    this.#checkedAt = this.#now();
  }
}
