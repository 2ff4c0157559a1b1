import { randomUUID } from 'node:crypto';
import { link, readFile, readlink, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RobleError } from '../errors.js';
import { parseJson } from './read-file.js';

export const LOCK = 'run.lock';

/** How often the owner of a lock shows that it lives, for processes on other machines that share the folder. */
const SIGN_EVERY_MS = 10_000;
/** A lock of another machine without a sign for so long is one that was left behind. */
const STALE_AFTER_MS = 60_000;
/** A guard of the take-over that is older was left behind. */
const GUARD_STALE_AFTER_MS = 10_000;
/** How long to wait for the training process of a supervisor that was killed: it saves, and ends. */
const ORPHAN_WAIT_MS = 60_000;
/** How long to wait for others that do a short piece of work. */
const TURN_WAIT_MS = 30_000;

export interface FolderLock {
  /** Names the training process, so that nobody takes the folder over while it still writes. */
  nameWorker(pid: number): Promise<void>;
  release(): Promise<void>;
}

interface Process {
  readonly pid: number;
  /** Tells it from another process that got the same number; undefined where the system does not tell. */
  readonly started?: string | undefined;
}

interface Owner extends Process {
  readonly host: string;
  /** Boot and namespace in which the process number means something. */
  readonly numbers: string;
  /** Tells this lock from one that another process took after it. */
  readonly token: string;
  readonly worker?: Process;
}

/**
 * Takes the lock of a folder, also from an owner that is gone.
 *
 * @throws {RobleError} `ROBLE_FOLDER_LOCKED`
 */
export async function takeLock(folder: string): Promise<FolderLock> {
  const lock = join(folder, LOCK);
  const own = `${lock}.${randomUUID()}`;
  const owner: Owner = {
    host: hostname(),
    numbers: await processNumbers(),
    token: randomUUID(),
    ...(await describe(process.pid)),
  };
  const isOurs = async () => (await lockOwner(folder))?.token === owner.token;
  await writeFile(own, JSON.stringify(owner));
  try {
    // A link appears with its content or not at all: a kill leaves no lock without an owner.
    while (!(await succeeds(link(own, lock), 'EEXIST'))) await removeStale(lock, own, folder);
  } finally {
    await rm(own, { force: true });
  }
  const signs = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => {}), SIGN_EVERY_MS);
  signs.unref();
  return {
    async nameWorker(pid) {
      if (!(await isOurs())) throw locked(folder, (await lockOwner(folder)) ?? owner);
      await writeFile(own, JSON.stringify({ ...owner, worker: await describe(pid) }));
      await rename(own, lock);
    },
    async release() {
      clearInterval(signs);
      if (await isOurs()) await rm(lock, { force: true });
    },
  };
}

/**
 * Does a short piece of work while nobody else does the like in a folder, waiting for its turn.
 *
 * @throws {RobleError} `ROBLE_FOLDER_LOCKED` when the turn does not come; and what the work throws
 */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = await takeTurn(folder, performance.now() + TURN_WAIT_MS);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function takeTurn(folder: string, end: number): Promise<FolderLock> {
  for (;;) {
    try {
      return await takeLock(folder);
    } catch (error) {
      const isTaken = error instanceof RobleError && error.code === 'ROBLE_FOLDER_LOCKED';
      if (!isTaken || performance.now() > end) throw RobleError.from(error);
    }
    await sleep(10 + 40 * Math.random());
  }
}

/** Removes a lock whose owner is gone; returns when there may be none. */
async function removeStale(lock: string, own: string, folder: string): Promise<void> {
  const text = await readFile(lock, 'utf8').catch(ignoreMissing);
  if (text === undefined) return;
  const owner = parseJson(text) as Owner | undefined;
  if (owner && (await isAlive(owner, lock, own))) throw locked(folder, owner);
  if (owner?.worker && (await isSameMachine(owner))) await waitForEnd(owner.worker, folder, owner);
  // One process at a time removes a lock, so that none removes the fresh one of another.
  const guard = `${lock}.takeover`;
  if (!(await succeeds(link(own, guard), 'EEXIST'))) return waitForGuard(guard);
  try {
    if ((await readFile(lock, 'utf8').catch(ignoreMissing)) === text) await rm(lock, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** A guard is held for a moment; an old one was left by a process that was killed in that moment. */
async function waitForGuard(guard: string): Promise<void> {
  const status = await stat(guard).catch(ignoreMissing);
  if (status && Date.now() - status.ctimeMs > GUARD_STALE_AFTER_MS) await rm(guard, { force: true });
  else await sleep(20);
}

/** Whether a process that lives, or showed a sign of life lately on another machine, has a folder. Changes nothing. */
export async function isHeld(folder: string): Promise<boolean> {
  const owner = await lockOwner(folder);
  if (owner === undefined) return false;
  if (await isSameMachine(owner)) return isRunning(owner);
  const status = await stat(join(folder, LOCK)).catch(ignoreMissing);
  return status !== undefined && Date.now() - status.mtimeMs < STALE_AFTER_MS;
}

/** Who has a folder; undefined when nobody has. */
export async function lockOwner(folder: string): Promise<Owner | undefined> {
  const text = await readFile(join(folder, LOCK), 'utf8').catch(ignoreMissing);
  return text === undefined ? undefined : (parseJson(text) as Owner | undefined);
}

async function isAlive(owner: Owner, lock: string, own: string): Promise<boolean> {
  if (await isSameMachine(owner)) return isRunning(owner);
  // By the clock of the file server, which gave both times.
  await utimes(own, new Date(), new Date());
  const [theirs, ours] = await Promise.all([stat(lock), stat(own)]);
  return ours.mtimeMs - theirs.mtimeMs < STALE_AFTER_MS;
}

async function isSameMachine({ host, numbers }: Owner): Promise<boolean> {
  return host === hostname() && numbers === (await processNumbers());
}

/** Two containers with the name of one machine have process numbers of their own, and so has a machine after a restart. */
async function processNumbers(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return `${boot.trim()} ${namespace}`.trim();
}

async function waitForEnd(worker: Process, folder: string, owner: Owner): Promise<void> {
  const started = performance.now();
  while (await isRunning(worker)) {
    if (performance.now() - started > ORPHAN_WAIT_MS) throw locked(folder, { ...owner, ...worker });
    await sleep(50);
  }
}

async function isRunning({ pid, started }: Process): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return (await startTimeOf(pid)) === started;
}

async function describe(pid: number): Promise<Process> {
  return { pid, started: await startTimeOf(pid) };
}

/** When a process started, in clock ticks since boot; undefined where the system does not tell, or for one that ended. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // A process that ended and that nobody has asked about yet is gone for us.
  return state === 'Z' ? undefined : fields[18];
}

function locked(folder: string, { pid, host }: Owner): RobleError {
  const where = host === hostname() ? '' : ` on ${host}`;
  return new RobleError('ROBLE_FOLDER_LOCKED', `Another process (${pid}${where}) is at work in ${folder}.`, {
    expected: 'one process at a time in this folder',
    nextSteps: [
      'Wait for it, stop it, or choose another folder.',
      ...(where
        ? [
            `If it is gone, try again ${STALE_AFTER_MS / 1000} s after its end: a lock without signs of life is taken over.`,
          ]
        : []),
    ],
  });
}

/** Whether a file operation worked; false for the one error that is expected of it. */
async function succeeds(work: Promise<unknown>, expected: string): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === expected) return false;
    throw error;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
