import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { cacheFolder, keepCached, measuredOnce, readCached } from './cache.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder('cache');
  vi.stubEnv('XDG_CACHE_HOME', folder.path);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await folder.remove();
});

describe('cacheFolder', () => {
  it('is the one of the system', () => {
    expect(cacheFolder({ XDG_CACHE_HOME: '/x' }, '/home/a')).toBe(join('/x', 'roble'));
    expect(cacheFolder({ LOCALAPPDATA: '/l' }, '/home/a')).toBe(join('/l', 'roble'));
    expect(cacheFolder({}, '/home/a')).toBe(join('/home/a', '.cache', 'roble'));
  });
});

describe('keepCached', () => {
  it('keeps the last value', async () => {
    expect(await readCached('speed')).toBeUndefined();
    expect(await keepCached('speed', { ms: 1 })).toBe(true);
    expect(await keepCached('speed', { ms: 2 })).toBe(true);
    expect(await readCached('speed')).toEqual({ ms: 2 });
  });
});

describe('measuredOnce', () => {
  it('gives the first value to all who measure at once, and to those who come later', async () => {
    const values = await Promise.all(
      [1, 2, 3, 4].map((value) => measuredOnce('deep/name', async () => value)),
    );
    expect([1, 2, 3, 4]).toContain(values[0]);
    expect(new Set(values).size).toBe(1);
    expect(await measuredOnce('deep/name', async () => 5)).toBe(values[0]);
  });

  it('gives nothing where nothing can be kept', async () => {
    vi.stubEnv('XDG_CACHE_HOME', join(folder.path, 'file'));
    await writeFile(join(folder.path, 'file'), '');
    expect(await measuredOnce('name', async () => 1)).toBeUndefined();
    expect(await keepCached('name', 1)).toBe(false);
  });
});
