/**
 * Checkpoints that are damaged, and disks that take none: the weights, the model and the history of the run at the end
 * are those of a run that was left alone, bit for bit.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { resultFingerprint } from '../../src/core/learning/training/verify.js';
import { FaultBench } from './fault-bench.js';
import { eventsOf, resumeHere, startTraining, trainHere } from './training.js';

const bench = new FaultBench('storage');

describe('when both processes are killed', () => {
  let killed: string;
  beforeAll(async () => {
    const options = bench.optionsOf();
    const { signal } = await startTraining(options, [{ on: 'step', at: 18, do: 'kill-all' }]);
    expect(signal).toBe('SIGKILL');
    killed = options.run;
  });

  it.each([
    ['truncated', (bytes: Buffer) => bytes.subarray(0, bytes.length / 3)],
    ['empty', () => Buffer.alloc(0)],
    ['changed in one bit', (bytes: Buffer) => changedBit(bytes, bytes.length - 7)],
    ['changed in one bit of its header', (bytes: Buffer) => changedBit(bytes, 100)],
  ] as const)('and the newest checkpoint is %s, the one before is taken', async (_how, damage) => {
    const run = bench.path('run');
    await cp(killed, run, { recursive: true });
    const folder = join(run, 'checkpoints');
    const newest = (await readdir(folder))
      .filter((name) => name.startsWith('step-'))
      .sort()
      .at(-1)!;
    await writeFile(join(folder, newest), damage(await readFile(join(folder, newest))));
    expect((await resumeHere(run)).stopped).toBe('completed');
    expect(await resultFingerprint(run)).toEqual(bench.clean);
    expect(await eventsOf(run)).toContainEqual(expect.objectContaining({ event: 'checkpoint-passed-over' }));
    expect(await readdir(folder)).toContain(`${newest}.damaged`);
  });
});

function changedBit(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 4;
  return changed;
}

describe('a disk', () => {
  it.each([
    ['ends nothing', false],
    ['ends nothing, nor does a kill meanwhile', true],
  ])('that is full for a while %s', async (_what, isKilled) => {
    const disk = await smallDisk();
    try {
      const options = bench.optionsOf({}, join(disk, 'run'));
      const file = join(disk, 'filler');
      const kill = bench.once({ on: 'step', at: 13, do: 'kill' } as const);
      const { stopped } = await trainHere(options, [
        bench.once({ on: 'step', at: 8, do: 'fill', file }),
        ...(isKilled ? [kill] : []),
        bench.once({ on: 'step', at: 19, do: 'free', file }),
      ]);
      expect(stopped).toBe('completed');
      expect(existsSync(kill.marker)).toBe(isKilled);
      expect(await resultFingerprint(options.run)).toEqual(bench.clean);
      expect(await eventsOf(options.run)).toContainEqual(
        expect.objectContaining({ event: 'checkpoint-failed' }),
      );
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  it('that takes no checkpoints is replaced by checkpointFallback, from which the run goes on too', async () => {
    const fallback = bench.path('fallback');
    const options = bench.optionsOf({ checkpointFallback: fallback });
    // A file where the folder should be: no permission of any user helps against that.
    await mkdir(options.run);
    const blocked = join(options.run, 'checkpoints');
    const interrupted = { ...options, autoResume: true };
    await startTraining(interrupted, [{ on: 'step', at: 3, do: 'kill-all' }]);
    // The kill may have come before the first checkpoint.
    await rm(blocked, { recursive: true, force: true });
    await writeFile(blocked, '');
    await startTraining(interrupted, [{ on: 'step', at: 18, do: 'kill-all' }]);
    expect((await trainHere(interrupted)).stopped).toBe('completed');
    const { id } = JSON.parse(await readFile(join(options.run, 'run.json'), 'utf8'));
    const folder = join(fallback, `${basename(options.run)}-${id}`);
    expect(await resultFingerprint(options.run, folder)).toEqual(bench.clean);
  });
});

/** A file system of 8 MB; needs the right to mount. */
async function smallDisk(): Promise<string> {
  const disk = bench.path('disk');
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
  return disk;
}
