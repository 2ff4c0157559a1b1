/** Figures of benchmarks as JSON, and what follows from them: the medians, and the ratio to the best rival. */
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import type { Rivals } from './rivals.js';

/** The upper one where two are in the middle, as the rivals in Python have it. */
export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}

/** What one of the contestants reached in each round; more is better. */
export interface Figures {
  readonly name: string;
  readonly rates: readonly number[];
}

/** Contestants that did the same work in turns. */
export interface Row {
  /** Such as `training step of cnn-v2`. */
  readonly task: string;
  /** Such as `batch 64, 2 threads`. */
  readonly input: string;
  /** Of the rates, such as `images/s`. */
  readonly unit: string;
  readonly own: readonly Figures[];
  readonly rivals: readonly Figures[];
}

/** A run of benchmarks on one machine. */
export interface Results {
  readonly date: string;
  readonly machine: string;
  /** Name and version of everything that took part. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

/** The better one of ours beside the best rival: medians, and the median and the range of the ratios of the rounds. */
export interface Verdict {
  readonly own: { readonly name: string; readonly rate: number };
  readonly rival?: {
    readonly name: string;
    readonly rate: number;
    readonly ratio: number;
    readonly least: number;
    readonly most: number;
  };
}

export function verdictOf({ own, rivals }: Row): Verdict {
  const ours = bestOf(own)!;
  const best = bestOf(rivals);
  const verdict = { own: { name: ours.name, rate: median(ours.rates) } };
  if (!best) return verdict;
  const ratios = ours.rates.map((rate, round) => rate / best.rates[round]!);
  return {
    ...verdict,
    rival: {
      name: best.name,
      rate: median(best.rates),
      ratio: median(ratios),
      least: Math.min(...ratios),
      most: Math.max(...ratios),
    },
  };
}

function bestOf(contestants: readonly Figures[]): Figures | undefined {
  return [...contestants].sort((a, b) => median(b.rates) - median(a.rates))[0];
}

/** Adds a row to a file of results, in place of that of the same task and input; a file of another machine is replaced. */
export async function recordRow(file: string, row: Row, rivals: Rivals | undefined): Promise<void> {
  const machine = `${cpus()[0]!.model}, ${availableParallelism()} cores`;
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const before = text === undefined ? undefined : (JSON.parse(text) as Results);
  const kept = before?.machine === machine ? before.rows : [];
  const results: Results = {
    date: new Date().toISOString().slice(0, 10),
    machine,
    versions: { Node: process.version, ...rivals?.versions },
    rows: [...kept.filter(({ task, input }) => task !== row.task || input !== row.input), row],
  };
  await writeFile(file, `${JSON.stringify(results, null, 1)}\n`);
}
