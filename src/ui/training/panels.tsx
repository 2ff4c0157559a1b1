import { Text } from 'ink';
import { formatBytes, formatCount } from '../../core/base/text/text.js';
import { progressBar } from '../terminal/charts.js';
import { formatDuration, formatMetric } from '../terminal/format.js';
import type { Paint } from '../terminal/style.js';
import { type EpochRow, epochOfStep, type TrainState } from './state.js';
import { oneLine } from './text.js';

export interface PanelProps {
  readonly state: TrainState;
  readonly columns: number;
  /** Rows that the panel may take. */
  readonly rows: number;
  readonly color: boolean;
  /** Ink's own colours are for standard output, and this is shown on standard error. */
  readonly paint: Paint;
  readonly nowMs: number;
}

/** What is trained, or that it is being stopped. */
export function Heading({ state: { started, stopping }, columns, paint }: PanelProps) {
  if (stopping) return <Line>{paint('yellow', `Stopping: ${stopping}`)}</Line>;
  if (!started) return <Line>starting</Line>;
  const { model, device, parameters, trainCount, validationCount, run } = started;
  const words: Word[] = [
    { text: oneLine(model), rank: 0 },
    { text: oneLine(device), rank: 1, glue: ' on ' },
    { text: `${formatCount(parameters)} parameters`, rank: 3 },
    { text: `${formatCount(trainCount)} images`, rank: 2 },
    { text: `${formatCount(validationCount)} for validation`, rank: 5 },
    { text: oneLine(run), rank: 4, glue: ', in ' },
  ];
  return <Line>{paint('bold', fitWords(words, columns))}</Line>;
}

const MAX_BAR = 40;

/** The progress of the run, and when it will be done. */
export function Progress({ state, columns }: PanelProps) {
  const { started, step, evaluating } = state;
  if (!started) return <Line>waiting for the training process</Line>;
  const { epoch, fraction } = positionOf(started, step);
  const rate = step?.metrics.imagesPerSecond;
  const words = [
    { text: `epoch ${epoch}/${started.epochs}`, rank: 1 },
    { text: `${Math.floor(fraction * 100)}%`, rank: 0 },
    { text: whatNext(step, evaluating), rank: 2 },
    ...(rate === undefined ? [] : [{ text: `${formatCount(Math.round(rate))} images/s`, rank: 3 }]),
  ];
  const text = fitWords(
    words.map((word) => ({ ...word, glue: '  ' })),
    columns,
  );
  const width = Math.min(MAX_BAR, columns - text.length - 2);
  return <Line>{width >= 4 ? `${progressBar(fraction, width)}  ${text}` : text}</Line>;
}

function positionOf(
  { epochs, stepsPerEpoch, firstStep }: NonNullable<TrainState['started']>,
  step: TrainState['step'],
) {
  const done = step ? (step.epoch - 1) * stepsPerEpoch + step.step : firstStep;
  const epoch = step?.epoch ?? Math.min(epochs, epochOfStep(firstStep + 1, stepsPerEpoch));
  return { epoch, fraction: Math.min(1, done / (epochs * stepsPerEpoch)) };
}

function whatNext(step: TrainState['step'], evaluating: TrainState['evaluating']): string {
  if (evaluating) return `evaluating ${Math.floor((100 * evaluating.done) / evaluating.total)}%`;
  return step ? `ETA ${formatDuration(step.etaMs)}` : 'waiting for the first step';
}

/** The state of the optimizer and the process. */
export function Vitals({ state: { started, step }, columns }: PanelProps) {
  const { learningRate, gradientNorm } = step?.metrics ?? {};
  const isSplit = step && started && step.microbatchSize < started.batchSize;
  const words = [
    ...(learningRate === undefined ? [] : [{ text: `learning rate ${formatMetric(learningRate)}`, rank: 1 }]),
    ...(gradientNorm === undefined ? [] : [{ text: `gradient norm ${formatMetric(gradientNorm)}`, rank: 3 }]),
    ...(step ? [{ text: `memory ${formatBytes(step.memoryBytes)}`, rank: 0 }] : []),
    ...(isSplit ? [{ text: `microbatch ${formatCount(step.microbatchSize)}`, rank: 2 }] : []),
  ];
  return words.length > 0 && <Line>{fitWords(words, columns)}</Line>;
}

/** The newest checkpoint, from which the run continues after a failure. */
export function Safe({ state: { safe }, columns, paint, nowMs }: PanelProps) {
  if (!safe) return <Line>{paint('dim', 'safe: no checkpoint yet')}</Line>;
  const { step, epoch, timeMs } = safe;
  const words = [
    { text: `safe: step ${formatCount(step)}`, rank: 0 },
    ...(step === 0 ? [] : [{ text: `(epoch ${epoch})`, rank: 1, glue: ' ' }]),
    ...(timeMs === undefined ? [] : [{ text: `${formatDuration(nowMs - timeMs)} ago`, rank: 2 }]),
  ];
  return <Line>{paint('green', fitWords(words, columns))}</Line>;
}

/** The latest incidents and warnings. */
export function Notes({ state: { notes }, rows }: PanelProps) {
  return notes.slice(-rows).map((text, i) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: two notes may be the same, and a line has no state.
    <Line key={i}>{text}</Line>
  ));
}

/** What Ctrl-C does now. */
export function Hint({ state: { stopping }, columns, paint }: PanelProps) {
  const words = stopping
    ? [{ text: 'Ctrl-C: stop at once', rank: 0 }]
    : [
        { text: 'Ctrl-C: save and stop', rank: 0 },
        { text: 'twice: stop at once', rank: 1, glue: '; ' },
      ];
  return <Line>{paint('dim', fitWords(words, columns))}</Line>;
}

/** The columns of the epoch table, the most important first. */
const METRICS = [
  'valAccuracy',
  'valLoss',
  'loss',
  'accuracy',
  'learningRate',
  'gradientNorm',
  'trainSeconds',
] as const;
const METRIC_WIDTH = 13;
const EPOCH_WIDTH = 6;

/** The latest epochs, and the best one with a mark. */
export function Epochs({ state: { epochs }, columns, rows, paint }: PanelProps) {
  const names = METRICS.slice(0, Math.floor((columns - EPOCH_WIDTH) / METRIC_WIDTH));
  const line = (epoch: string, values: readonly string[]) =>
    epoch.padEnd(EPOCH_WIDTH) + values.map((value) => value.padStart(METRIC_WIDTH)).join('');
  const best = epochs.findLast((row) => row.best);
  return (
    <>
      <Line>{paint('dim', line('epoch', names))}</Line>
      {latestWith(epochs, best, rows - 1).map((row) => {
        const cells = names.map((name) =>
          row.metrics[name] === undefined ? '' : formatMetric(row.metrics[name]),
        );
        const text = line(`${row.epoch}${row === best ? ' *' : ''}`, cells);
        return <Line key={row.epoch}>{row === best ? paint('bold', text) : text}</Line>;
      })}
    </>
  );
}

/** The last rows, with the best one in place of the first of them when it is older. */
function latestWith(epochs: readonly EpochRow[], best: EpochRow | undefined, count: number) {
  const latest = epochs.slice(-count);
  return best === undefined || latest.includes(best) ? latest : [best, ...latest.slice(1)];
}

/** One row, cut where the terminal ends. */
export function Line({ children }: { readonly children: string }) {
  return <Text wrap="truncate-end">{children}</Text>;
}

/** A part of a line that is shown whole or not at all. */
export interface Word {
  readonly text: string;
  /** 0 is the last to be dropped. */
  readonly rank: number;
  /** What stands between this word and the one before it; `, ` by default. */
  readonly glue?: string;
}

/**
 * The words that fit on a line, in their order; the least important are dropped first. The most important one stays,
 * however long it is.
 */
export function fitWords(words: readonly Word[], width: number): string {
  const byRank = [...words].sort((a, b) => a.rank - b.rank);
  let kept = new Set(byRank.slice(0, 1));
  for (const word of byRank.slice(1)) {
    const more = new Set([...kept, word]);
    if (join(words, more).length <= width) kept = more;
  }
  return join(words, kept);
}

function join(words: readonly Word[], kept: ReadonlySet<Word>): string {
  return words
    .filter((word) => kept.has(word))
    .map(({ text, glue = ', ' }, i) => (i === 0 ? text : glue + text))
    .join('');
}
