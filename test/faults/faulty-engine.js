/**
 * An engine with faults: the one that the query of the module's address names as `engine`. What happens, and when, is
 * there too, as `faults`: `{ on: 'step' | 'evaluate' | 'save', at: number, do: ..., marker?: path, after?: path }`.
 * `at` counts the batches of the whole run for `step`, the calls of this process from 1 for `evaluate`, and is the step
 * of the checkpoint, or one before it, for `save`. With a marker file the fault happens once, whatever is started later;
 * `after` is the marker of the fault that has to have happened before.
 */
import { spawn } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { RobleError } from '../../dist/core/plugin/index.js';

const query = new URL(import.meta.url).searchParams;
const faults = JSON.parse(query.get('faults') ?? '[]');
const { plugin: engine } = await import(`../../dist/plugins/${query.get('engine')}/training-engine.js`);

const ACTIONS = {
  /** The whole process, as the kernel's OOM killer or an operator ends it. */
  kill: () => process.kill(process.pid, 'SIGKILL'),
  /** The supervisor first, so that nobody is left to go on. */
  'kill-all': () => {
    process.kill(process.ppid, 'SIGKILL');
    process.kill(process.pid, 'SIGKILL');
  },
  abort: () => process.abort(),
  hang: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  error: () => {
    throw new Error('an accident');
  },
  'out-of-memory': () => {
    throw new RobleError('ROBLE_OUT_OF_MEMORY', 'There is no memory, says the fault.');
  },
  /** As the C++ library ends a process whose allocation fails where nobody catches it. */
  'bad-alloc': () => {
    process.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n");
    process.abort();
  },
  SIGINT: () => signalSupervisor('SIGINT'),
  SIGTERM: () => signalSupervisor('SIGTERM'),
  SIGHUP: () => signalSupervisor('SIGHUP'),
  SIGUSR1: () => signalSupervisor('SIGUSR1'),
  'terminate-self': () => process.kill(process.pid, 'SIGTERM'),
  /** Dies of an error while it is to stop. */
  'SIGTERM-then-error': async () => {
    await signalSupervisor('SIGTERM');
    throw new Error('an accident');
  },
  'SIGTERM-twice': () => {
    process.kill(process.ppid, 'SIGTERM');
    // From another process, since this one may hang by then.
    spawn('sh', ['-c', `sleep 0.3; kill -TERM ${process.ppid}`], { detached: true, stdio: 'ignore' });
  },
  /** Fills the file system that `file` lies on; `free` gives it back. */
  fill: ({ file }) => {
    for (let i = 0; ; i++)
      try {
        writeFileSync(`${file}-${i}`, Buffer.alloc(1 << 16));
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error;
        return;
      }
  },
  free: ({ file }) => {
    for (let i = 0; existsSync(`${file}-${i}`); i++) rmSync(`${file}-${i}`);
  },
};

/** Gives when the supervisor has asked this process to stop: the run must not be at its end before. */
function signalSupervisor(signal) {
  const asked = untilAskedToStop();
  process.kill(process.ppid, signal);
  return asked;
}

function untilAskedToStop() {
  return new Promise((resolve) => {
    process.on('message', ({ name }) => {
      if (name === 'stop') resolve();
    });
  });
}

/** Whether it has not happened yet, and what has to have happened before has. */
const isDue = ({ marker, after }) => !(marker && existsSync(marker)) && !(after && !existsSync(after));

/** Whether the numbers of a step or an evaluation are to be impossible. */
const hasNan = (on, count) =>
  faults.some((fault) => fault.do === 'nan' && fault.on === on && fault.at <= count && count < fault.until);

/** Gives when what struck has had its effect. A hang behind a signal is one from the same moment on. */
function strike(on, count) {
  const effects = [];
  for (const fault of faults) {
    if (fault.on !== on || fault.at !== count || fault.do === 'nan' || !isDue(fault)) continue;
    if (fault.marker) writeFileSync(fault.marker, '');
    effects.push(ACTIONS[fault.do](fault));
  }
  return Promise.all(effects);
}

/**
 * For faults on 'save': a thread that looks for the half-written file of a checkpoint and strikes while it is there.
 * Signals only, since a thread cannot do the rest. Gives what to wait for before the next step: where the supervisor was
 * struck, that it asks this process to stop.
 */
function watchSaves() {
  const saves = faults.filter((fault) => fault.on === 'save' && isDue(fault));
  if (saves.length === 0) return () => {};
  const asked = untilAskedToStop();
  const hasSignalled = new Int32Array(new SharedArrayBuffer(4));
  const code = `
    const { readdirSync, writeFileSync } = require('node:fs');
    const { workerData: { saves, ppid, hasSignalled } } = require('node:worker_threads');
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const list = (folder) => { try { return readdirSync(folder); } catch { return []; } };
    let left = saves;
    while (left.length > 0) {
      left = left.filter(({ folder, at, marker, targets }) => {
        const isNow = (name) => Number(/^\\.step-(\\d+).*\\.partial-/.exec(name)?.[1]) >= at;
        if (!list(folder).some(isNow)) return true;
        if (marker) writeFileSync(marker, '');
        if (targets.some(([who]) => who === 'parent')) Atomics.store(hasSignalled, 0, 1);
        for (const [who, signal] of targets) process.kill(who === 'parent' ? ppid : process.pid, signal);
        return false;
      });
      Atomics.wait(pause, 0, 0, 0.2);
    }`;
  const workerData = { saves: saves.map(withTargets), ppid: process.ppid, hasSignalled };
  new Worker(code, { eval: true, workerData }).unref();
  return () => (Atomics.load(hasSignalled, 0) ? asked : undefined);
}

function withTargets(fault) {
  const targets = {
    kill: [['self', 'SIGKILL']],
    abort: [['self', 'SIGABRT']],
    'kill-all': [
      ['parent', 'SIGKILL'],
      ['self', 'SIGKILL'],
    ],
  }[fault.do] ?? [['parent', fault.do]];
  return { ...fault, targets };
}

export const plugin = {
  ...engine,
  name: 'faulty',
  async open(model, options) {
    const untilStruckSave = watchSaves();
    const session = await engine.open(model, options);
    const inner = { step: session.step, evaluate: session.evaluate };
    let evaluations = 0;
    return Object.assign(session, {
      async step(batch, hyper) {
        await untilStruckSave();
        await strike('step', batch.step);
        if (hasNan('step', batch.step))
          return { loss: Number.NaN, accuracy: 0, gradientNorm: Number.NaN, applied: false };
        return inner.step.call(session, batch, hyper);
      },
      async evaluate(images, count) {
        await strike('evaluate', ++evaluations);
        const probabilities = await inner.evaluate.call(session, images, count);
        return hasNan('evaluate', evaluations) ? probabilities.map(() => Number.NaN) : probabilities;
      },
    });
  },
};
