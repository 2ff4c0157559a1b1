import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StackFile } from './render-stack.js';
import { STACK_MANIFEST, writeStack } from './write-stack.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roble-write-stack-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (files: readonly StackFile[], options: { replace?: boolean; dryRun?: boolean } = {}) =>
  writeStack(files, {
    folder,
    version: '1',
    dryRun: options.dryRun ?? false,
    replace: () => options.replace ?? false,
  });
const states = async (...words: Parameters<typeof write>) =>
  (await write(...words)).map(({ state }) => state);
const text = (name: string) => readFile(join(folder, name), 'utf8');
const edit = (name: string, content: string) => writeFile(join(folder, name), content);

describe('writeStack', () => {
  it('writes what is new, updates what nobody changed, and keeps what somebody did', async () => {
    expect(
      await states([
        { path: 'a', content: '1\n' },
        { path: 'deep/b', content: '1\n' },
      ]),
    ).toEqual(['new', 'new']);
    await edit('deep/b', 'mine\n');
    const planned = await write([
      { path: 'a', content: '2\n' },
      { path: 'deep/b', content: '2\n' },
    ]);
    expect(planned.map(({ state }) => state)).toEqual(['updated', 'kept']);
    expect([await text('a'), await text('deep/b')]).toEqual(['2\n', 'mine\n']);
    expect(planned[1]!.diff).toContain('-mine');
    expect(planned[1]!.diff).toContain('+2');
    // It stays somebody's at every later time.
    expect(
      await states([
        { path: 'a', content: '2\n' },
        { path: 'deep/b', content: '3\n' },
      ]),
    ).toEqual(['unchanged', 'kept']);
  });

  it('updates again what was changed back to what it had written', async () => {
    await write([{ path: 'a', content: '1\n' }]);
    await edit('a', 'mine\n');
    await write([{ path: 'a', content: '2\n' }]);
    await edit('a', '1\n');
    expect(await states([{ path: 'a', content: '3\n' }])).toEqual(['updated']);
  });

  it('keeps beside the new one what it replaces, each time', async () => {
    await write([{ path: 'a', content: '1\n' }]);
    for (const [mine, next] of [
      ['first\n', '2\n'],
      ['second\n', '3\n'],
    ] as const) {
      await edit('a', mine);
      expect(await states([{ path: 'a', content: next }], { replace: true })).toEqual(['replaced']);
      expect(await text('a')).toBe(next);
    }
    expect([await text('a.before'), await text('a.before-2')]).toEqual(['first\n', 'second\n']);
  });

  it('takes a file that was there before it for somebody else’s', async () => {
    await edit('a', 'mine\n');
    expect(await states([{ path: 'a', content: '1\n' }])).toEqual(['kept']);
    expect(await text('a')).toBe('mine\n');
  });

  it('writes nothing when it is only to tell', async () => {
    expect(await states([{ path: 'a', content: '1\n' }], { dryRun: true })).toEqual(['new']);
    await expect(text('a')).rejects.toThrow('ENOENT');
    await expect(text(STACK_MANIFEST)).rejects.toThrow('ENOENT');
  });

  it('gives scripts their right to run, and keeps it', async () => {
    const script = (content: string) => write([{ path: 's.sh', content, isExecutable: true }]);
    await script('1');
    await script('2');
    expect((await stat(join(folder, 's.sh'))).mode & 0o777).toBe(0o755);
    await chmod(join(folder, 's.sh'), 0o644);
    expect(await states([{ path: 's.sh', content: '2', isExecutable: true }])).toEqual(['unchanged']);
  });

  it('refuses a damaged manifest', async () => {
    await edit(STACK_MANIFEST, '{ "format": "other" }');
    await expect(write([{ path: 'a', content: '1' }])).rejects.toMatchObject({ code: 'ROBLE_STACK_INVALID' });
  });

  it('never loses a text of somebody, whatever is edited and written in whichever order', async () => {
    const step = fc.oneof(
      fc.record({ edit: fc.stringMatching(/^mine[0-9]$/) }),
      fc.record({ write: fc.stringMatching(/^ours[0-9]$/), replace: fc.boolean() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        await rm(folder, { recursive: true });
        folder = await mkdtemp(join(tmpdir(), 'roble-write-stack-'));
        let mine: string | undefined;
        for (const one of steps) {
          if ('edit' in one) {
            mine = one.edit;
            await edit('a', mine);
            continue;
          }
          const [state] = await states([{ path: 'a', content: one.write }], { replace: one.replace });
          if (mine === undefined) continue;
          const kept = await Promise.all(
            ['a', 'a.before', ...[2, 3, 4, 5, 6, 7, 8].map((i) => `a.before-${i}`)].map((name) =>
              text(name).catch(() => ''),
            ),
          );
          expect(kept, state).toContain(mine);
        }
      }),
      { numRuns: 60 },
    );
  });
});
