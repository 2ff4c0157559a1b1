/** Programs in Python that do the same work: where their interpreter is, and how one of them is asked for rounds. */
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A virtual environment with the packages of `rivals/requirements.txt`. */
export interface Rivals {
  readonly python: string;
  /** Of each package that was asked for. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Looks at the environment that `npm run bench:rivals -- FOLDER` made. */
export async function openRivals(folder: string | undefined): Promise<Rivals | undefined> {
  if (folder === undefined) return undefined;
  const python = join(folder, 'bin/python');
  const { stdout } = await promisify(execFile)(python, [script('versions.py')]);
  return { python, versions: JSON.parse(stdout) };
}

/** A file of `rivals/`. */
export function script(name: string): string {
  return fileURLToPath(new URL(`./rivals/${name}`, import.meta.url));
}

export interface PythonRounds {
  /** The figure of one more round. */
  round(): Promise<number>;
  stop(): void;
}

/** Starts a script of `rivals/`, which says `ready` and then answers each line with a number. */
export async function startRounds(
  { python }: Rivals,
  name: string,
  words: readonly (string | number)[],
): Promise<PythonRounds> {
  const child = spawn(python, [script(name), ...words.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${name} ${words.join(' ')} ended early.`);
    return value as string;
  };
  if ((await next()) !== 'ready') throw new Error(`${name} did not say that it is ready.`);
  return {
    async round() {
      child.stdin.write('round\n');
      return Number(await next());
    },
    stop: () => child.stdin.end(),
  };
}
