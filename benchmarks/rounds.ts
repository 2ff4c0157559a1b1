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
 *
 * @param interpreter by default what `PYTHON` names, else Debian's own, whose packages the benchmarks name
 */
export async function startPython(
  script: string,
  words: readonly string[],
  interpreter = process.env.PYTHON ?? '/usr/bin/python3',
): Promise<PythonRounds | undefined> {
  const path = fileURLToPath(new URL(`./torch/${script}`, import.meta.url));
  const child = spawn(interpreter, [path, ...words], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
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

/** Two programs that do the same work, and how their figures are shown. */
interface Contest {
  readonly label: string;
  readonly rounds: number;
  /** Milliseconds of roble in one more round. */
  readonly own: () => number | Promise<number>;
  /** The other one's, by `startPython`. */
  readonly python: PythonRounds | undefined;
  /** What it is, and Debian's package that holds it. */
  readonly other: readonly [name: string, debian: string];
  readonly rate: (ms: number) => string;
}

/** Runs the two in turns, prints each round, and at the end the medians and the median of the ratios. */
export async function contest({ label, rounds, own, python, other: [name, debian], rate }: Contest) {
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    const ownMs = await own();
    const otherMs = await python?.round();
    // The first round warms up.
    if (round === 0) continue;
    ours.push(ownMs);
    if (otherMs !== undefined) theirs.push(otherMs);
    const beside =
      otherMs === undefined ? '' : `, ${name} ${rate(otherMs)}, ratio ${(otherMs / ownMs).toFixed(2)}`;
    console.log(`round ${round}: roble ${rate(ownMs)}${beside}`);
  }
  console.log(`${label}: roble ${rate(median(ours))}`);
  if (theirs.length === 0) return console.log(`${name} is not installed (Debian: ${debian}): no ratio.`);
  const ratios = ours.map((ms, i) => theirs[i]! / ms);
  console.log(
    `${name} ${rate(median(theirs))}; ratio roble / ${name}: ${median(ratios).toFixed(2)} (median of ${ratios.length} rounds)`,
  );
}

/** The median time of some calls, in milliseconds. */
export async function medianMs(steps: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < steps; i++) times.push(await timeMs(work));
  return median(times);
}

export async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
