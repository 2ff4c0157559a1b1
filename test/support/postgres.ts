import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { freePort } from './free-port.js';

const DEBIAN = '/usr/lib/postgresql';

/** A real PostgreSQL on a free port, with its data in a temporary folder. */
export interface TestPostgres {
  readonly url: string;
  /** The main process while it runs. */
  readonly process: ChildProcess;
  /** Starts it, again after {@link kill}, with the data that it had. */
  start(): Promise<void>;
  /** Ends all its processes at once, as a crash does. */
  kill(): Promise<void>;
  /** Holds up all its processes, or lets them go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** A database without tables; gives its URL. */
  createDatabase(): Promise<string>;
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** The processes that work for clients, but for this query's. */
  backendProcessIds(): Promise<number[]>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

/** A PostgreSQL with an empty database, which does not run yet. */
export async function createPostgres(): Promise<TestPostgres> {
  const programs = await programFolder();
  const owner = await ownerOfServer();
  const folder = await mkdtemp(join(tmpdir(), 'roble-postgres-'));
  await chown(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  execFileSync(
    join(programs, 'initdb'),
    ['--pgdata', data, '--username', 'roble', '--auth', 'trust', '--no-sync', '--encoding', 'UTF8'],
    { ...owner, cwd: folder, stdio: 'ignore' },
  );
  const port = await freePort();
  const url = `postgres://roble@127.0.0.1:${port}/postgres`;
  let databases = 0;
  let child: ChildProcess | undefined;
  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  const postgres: TestPostgres = {
    url,
    get process() {
      return child!;
    },
    async start() {
      const settings = ['fsync=off', 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`];
      child = spawn(
        join(programs, 'postgres'),
        ['-D', data, '-p', `${port}`, ...settings.flatMap((setting) => ['-c', setting])],
        { ...owner, cwd: folder, stdio: 'ignore' },
      );
      // Until it listens, another try is made.
      while (!(await postgres.query('select 1').catch(() => undefined))) {
        if (!isRunning()) throw new Error('PostgreSQL ended instead of starting.');
        await sleep(20);
      }
    },
    async kill() {
      if (!isRunning()) return;
      const ended = once(child!, 'exit');
      // Its children see that it is gone, and end too.
      await postgres.signal('SIGCONT');
      child!.kill('SIGQUIT');
      await ended;
    },
    async signal(signal) {
      child!.kill(signal);
      for (const id of childrenOf(child!.pid!)) sendSignal(id, signal);
    },
    async createDatabase() {
      const name = `test_${databases++}`;
      await postgres.query(`create database ${name}`);
      return url.replace(/postgres$/, name);
    },
    async query(sql) {
      const client = new Client({ connectionString: url });
      client.on('error', () => {});
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    },
    async backendProcessIds() {
      const rows = await postgres.query(
        "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
      );
      return rows.map(({ pid }) => pid as number);
    },
    async remove() {
      await postgres.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return postgres;
}

/** Where Debian keeps the newest version; elsewhere the programs are on the path. */
async function programFolder(): Promise<string> {
  const versions = await readdir(DEBIAN).catch(() => []);
  const [newest] = versions.sort((a, b) => Number(b) - Number(a));
  return newest === undefined ? '' : join(DEBIAN, newest, 'bin');
}

/** PostgreSQL refuses to run as root. */
async function ownerOfServer(): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = [process.getuid!(), process.getgid!()];
  if (uid !== 0) return { uid, gid };
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function childrenOf(id: number): number[] {
  // It fails where there is none.
  const { stdout } = spawnSync('ps', ['--ppid', `${id}`, '-o', 'pid='], { encoding: 'utf8' });
  return stdout.split('\n').map(Number).filter(Boolean);
}

/** A process may have ended since it was seen. */
function sendSignal(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
