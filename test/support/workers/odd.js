/** A worker, process or thread, that does what a test asks of it, the worst too. Its calls: `OddWorker` in workers.test.ts. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { RobleError } from '../../../dist/core/base/errors.js';
import { answerCalls, Moved } from '../../../dist/core/base/process/answer-calls.js';

answerCalls(async ({ refuses = false } = {}, emit) => {
  if (refuses) throw new RobleError('ROBLE_MODEL_INVALID', 'It does not start.', { expected: 'another' });
  return {
    double: (x) => x * 2,
    count(n) {
      for (let i = 0; i < n; i++) emit({ counted: i });
      return n;
    },
    negate(values) {
      const negated = values.map((value) => -value);
      return new Moved(negated, [negated.buffer]);
    },
    async throws(what) {
      if (what === 'coded')
        throw new RobleError('ROBLE_DATASET_INVALID', 'Damaged.', { received: 1, nextSteps: ['Mend it.'] });
      if (what === 'file') await readFile('/no/such/file');
      if (what === 'foreign') throw Object.assign(new Error('full'), { code: 'SQLITE_FULL' });
      if (what === 'words') throw 'only words';
      return () => 'a function cannot cross';
    },
    throwsLater() {
      setTimeout(() => {
        throw new Error('nobody catches this');
      }, 1);
      return sleep(60_000, undefined, { ref: false });
    },
    exits: (code) => process.exit(code),
    /** As native code ends: with words that Node knows nothing of, and without an exit. */
    crashes(lines) {
      for (let i = 1; i < lines; i++) process.stderr.write(`line ${i} of ${lines} before the crash\n`);
      process.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n");
      process.abort();
    },
    /** Deaf, and no load for the machine. */
    hangs: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
    takesAllMemory() {
      const kept = [];
      for (;;) kept.push(new Array(1e6).fill(kept.length));
    },
    async sleeps(ms) {
      await sleep(ms);
      return 'slept';
    },
    /** A process that outlives this one, with its standard error. */
    leavesBehind: () =>
      spawn('sleep', ['60'], { detached: true, stdio: ['ignore', 'ignore', 'inherit'] }).pid,
  };
});
