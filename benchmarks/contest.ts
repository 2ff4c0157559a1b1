/** Contestants that do the same work in turns, so that a busy moment of the machine meets all of them. */
import { parseArgs } from 'node:util';
import { type Figures, median, type Row, recordRow, verdictOf } from './results.js';
import { openRivals, type Rivals } from './rivals.js';

export interface Contestant {
  readonly name: string;
  /** What is done in a second, over one more round; more is better. */
  rate(): number | Promise<number>;
  close?(): unknown;
}

interface Contest extends Pick<Row, 'task' | 'input' | 'unit'> {
  readonly rounds: number;
  readonly own: readonly Contestant[];
  readonly rivals: readonly Contestant[];
}

/** Runs the contestants in turns, after a round in which each warms up; prints each round and who was how fast. */
export async function contest({ task, input, unit, rounds, own, rivals }: Contest): Promise<Row> {
  const all = [...own, ...rivals];
  const rates = new Map(all.map((contestant) => [contestant, [] as number[]]));
  for (let round = 0; round <= rounds; round++)
    for (const contestant of all) {
      const rate = await contestant.rate();
      if (round > 0) rates.get(contestant)!.push(rate);
    }
  for (const { close } of all) await close?.();
  const figures = (some: readonly Contestant[]): Figures[] =>
    some.map((contestant) => ({ name: contestant.name, rates: rates.get(contestant)!.map(rounded) }));
  const row = { task, input, unit, own: figures(own), rivals: figures(rivals) };
  print(row);
  return row;
}

/** Four digits say more than a benchmark knows. */
const rounded = (rate: number) => Number(rate.toPrecision(4));

function print(row: Row): void {
  console.log(`\n${row.task}, ${row.input}`);
  for (const { name, rates } of [...row.own, ...row.rivals])
    console.log(
      `  ${name.padEnd(40)} ${String(rounded(median(rates))).padStart(8)} ${row.unit}  (${Math.min(...rates)} to ${Math.max(...rates)})`,
    );
  const { own, rival } = verdictOf(row);
  if (rival)
    console.log(
      `  ${own.name} / ${rival.name}: ${rival.ratio.toFixed(2)} (rounds ${rival.least.toFixed(2)} to ${rival.most.toFixed(2)})`,
    );
}

/** Words that every benchmark beside rivals takes. */
const COMMON = {
  rivals: { type: 'string' },
  rounds: { type: 'string', default: '5' },
  json: { type: 'string' },
} as const;

/**
 * Reads the words of the command, runs what makes rows, and records each in the file after `--json` when it is there.
 *
 * @param defaults the benchmark's own words with their defaults, such as `{ batch: '16,64' }`
 */
export async function benchmark<Name extends string>(
  defaults: Readonly<Record<Name, string>>,
  run: (
    words: Readonly<Record<Name, string>>,
    common: { readonly rivals: Rivals | undefined; readonly rounds: number },
  ) => AsyncIterable<Row>,
): Promise<void> {
  const own = Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value }]);
  const { values } = parseArgs({ options: { ...COMMON, ...Object.fromEntries(own) } });
  const { json, rounds, rivals: folder } = values as { json?: string; rounds: string; rivals?: string };
  const rivals = await openRivals(folder);
  if (!rivals)
    console.log(
      'Without rivals: "npm run bench:rivals -- FOLDER" installs them, "--rivals FOLDER" names them.',
    );
  for await (const row of run(values as Record<Name, string>, { rivals, rounds: Number(rounds) }))
    if (json !== undefined) await recordRow(json, row, rivals);
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
