/** What benchmarks share that run rounds against a program in Python. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}

export interface PythonRounds {
  /** The figure of one more round. */
  round(): Promise<number>;
  stop(): void;
}

/**
 * Starts a script of `torch/`, which says `ready` and then answers each `round` with a number; undefined where what it
 * needs is not installed.
 */
export async function startPython(
  script: string,
  words: readonly string[],
): Promise<PythonRounds | undefined> {
  const path = fileURLToPath(new URL(`./torch/${script}`, import.meta.url));
  const child = spawn('/usr/bin/python3', [path, ...words], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  if ((await lines.next()).value !== 'ready') return undefined;
  return {
    async round() {
      child.stdin.write('round\n');
      return Number((await lines.next()).value);
    },
    stop: () => child.stdin.end(),
  };
}
