import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKey, KeyRing } from './api-keys.js';

describe('KeyRing', () => {
  let folder: string;
  let file: string;
  let key: string;
  let ring: KeyRing;
  let now = 0;
  let warnings: string[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roble-key-ring-'));
    file = join(folder, 'keys.json');
    ({ key } = await createKey(file, { name: 'till', scopes: ['predict'] }));
    warnings = [];
    ring = await KeyRing.open(
      file,
      (message) => warnings.push(message),
      () => now,
    );
  });
  afterEach(() => rm(folder, { recursive: true }));
  const nameOf = async (secret: string) => (await ring.find(secret))?.name;

  it('looks at the file again after half a second, and not before', async () => {
    const { key: other } = await createKey(file, { name: 'other', scopes: ['predict'] });
    now += 499;
    expect(await nameOf(other)).toBeUndefined();
    now += 2;
    expect(await nameOf(other)).toBe('other');
  });

  it('keeps the last good keys while their file is broken or gone, warns once of each, and follows it when it is whole', async () => {
    const good = await readFile(file, 'utf8');
    for (const [i, breakIt] of [
      () => writeFile(file, good.slice(0, 50)),
      () => writeFile(file, '{"version":1,"keys":[{"id":"x"}]}'),
      () => rm(file),
    ].entries()) {
      await breakIt();
      for (let again = 0; again < 3; again++) {
        now += 1000;
        expect(await nameOf(key)).toBe('till');
        expect(await nameOf('roble_other')).toBeUndefined();
      }
      expect(warnings).toHaveLength(i + 1);
      expect(warnings.at(-1)).toContain('The keys stay as they were');
    }
    await writeFile(file, '{"version":1,"keys":[]}');
    now += 1000;
    expect(await nameOf(key)).toBeUndefined();
  });
});
