import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import type { Engine } from './engine.js';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A shell of the machine of an engine, in a folder. */
export interface Shell {
  readonly folder: string;
  /** Runs a line. */
  run(line: string, env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** The same, with its input and output while it runs. */
  start(line: string, env?: Readonly<Record<string, string>>): ChildProcessByStdio<Writable, Readable, null>;
}

export function shellIn(folder: string, engine: Engine): Shell {
  const shell = (line: string) => engine.shell(`cd ${folder} && ${line}`);
  const environment = (env: Readonly<Record<string, string>>) => ({ ...process.env, ...engine.env, ...env });
  return {
    folder,
    start(line, env = {}) {
      const [program, ...words] = shell(line);
      return spawn(program, words, { env: environment(env), stdio: ['pipe', 'pipe', 'inherit'] });
    },
    async run(line, env = {}) {
      const [program, ...words] = shell(line);
      return promisify(execFile)(program, words, { env: environment(env), maxBuffer: 1 << 28 }).then(
        ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
        ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
          status: code,
          stdout,
          stderr,
        }),
      );
    },
  };
}
