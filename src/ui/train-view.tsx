import { Box, Text } from 'ink';
import { formatCount } from '../core/text.js';
import { progressBar, sparkline } from './bars.js';
import { formatDuration, formatMetric } from './format.js';
import type { TrainState } from './train-state.js';

export interface TrainViewProps {
  readonly state: TrainState;
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

const CURVES = [
  { name: 'loss', color: 'cyan' },
  { name: 'valLoss', color: 'blue' },
  { name: 'accuracy', color: 'green' },
  { name: 'valAccuracy', color: 'greenBright' },
] as const;

/** Rows of the heading, the bar, the curves, and the heading of the table. */
const FIXED_ROWS = 2 + CURVES.length + 1;
const MAX_EPOCH_ROWS = 8;
const MAX_NOTE_ROWS = 3;

/** A training run: what is trained, how far it is, the curves, the latest epochs. It fits terminals from 40 x 10. */
export function TrainView({ state, columns, rows, color }: TrainViewProps) {
  // A view as high as the terminal makes ink clear the screen at every frame.
  const room = Math.max(0, rows - 1 - FIXED_ROWS);
  const epochs = state.epochs.slice(Math.max(0, state.epochs.length - Math.min(MAX_EPOCH_ROWS, room)));
  const notes = state.notes.slice(-MAX_NOTE_ROWS).slice(0, Math.max(0, room - epochs.length));
  return (
    <Box flexDirection="column" width={columns}>
      <Heading state={state} />
      <Progress state={state} columns={columns} />
      {CURVES.map(({ name, color: hue }) => (
        <Curve
          key={name}
          name={name}
          values={state.curves[name] ?? []}
          columns={columns}
          {...(color && { color: hue })}
        />
      ))}
      {room > 0 && epochs.length > 0 && <EpochTable epochs={epochs} columns={columns} color={color} />}
      {notes.map((text) => (
        <Text key={text} wrap="truncate-end" dimColor={color}>
          {text}
        </Text>
      ))}
    </Box>
  );
}

function Heading({ state: { started, stopping } }: { readonly state: TrainState }) {
  if (!started) return <Text>starting</Text>;
  const { model, device, parameters, trainCount } = started;
  const text = `${model} on ${device}, ${formatCount(parameters)} parameters, ${formatCount(trainCount)} images`;
  return <Text wrap="truncate-end">{stopping ? `Stopping: ${stopping}` : text}</Text>;
}

function Progress({ state, columns }: { readonly state: TrainState; readonly columns: number }) {
  const { started, step, evaluating } = state;
  if (!started || !step) return <Text>waiting for the first step</Text>;
  const done = ((step.epoch - 1) * step.stepsPerEpoch + step.step) / (started.epochs * step.stepsPerEpoch);
  const rate = step.metrics.imagesPerSecond;
  const words = [
    `epoch ${step.epoch}/${started.epochs}`,
    `${Math.floor(done * 100)}%`,
    ...(evaluating ? ['evaluating'] : [`ETA ${formatDuration(step.etaMs)}`]),
    ...(rate === undefined ? [] : [`${formatCount(Math.round(rate))} images/s`]),
  ].join('  ');
  const width = Math.min(30, columns - words.length - 2);
  return <Text wrap="truncate-end">{width >= 4 ? `${progressBar(done, width)}  ${words}` : words}</Text>;
}

interface CurveProps {
  readonly name: string;
  readonly values: readonly number[];
  readonly columns: number;
  readonly color?: string;
}

function Curve({ name, values, columns, color }: CurveProps) {
  const last = values.at(-1);
  const width = Math.max(0, Math.min(60, columns - 12 - 10));
  return (
    <Text wrap="truncate-end">
      {name.padEnd(12)}
      {(last === undefined ? '' : formatMetric(last)).padEnd(9)}{' '}
      <Text {...(color && { color })}>{sparkline(values, width)}</Text>
    </Text>
  );
}

interface EpochTableProps {
  readonly epochs: TrainState['epochs'];
  readonly columns: number;
  readonly color: boolean;
}

function EpochTable({ epochs, columns, color }: EpochTableProps) {
  // The columns that fit, the most telling first.
  const names = ['valAccuracy', 'valLoss', 'loss', 'accuracy', 'learningRate'].slice(
    0,
    Math.max(1, Math.floor((columns - 8) / 13)),
  );
  const cell = (text: string) => text.padStart(13);
  return (
    <>
      <Text wrap="truncate-end" dimColor={color}>
        {'epoch'.padEnd(6)}
        {names.map(cell).join('')}
      </Text>
      {epochs.map(({ epoch, metrics, best }) => (
        <Text key={epoch} wrap="truncate-end" bold={color && best}>
          {String(epoch).padEnd(6)}
          {names.map((name) => cell(metrics[name] === undefined ? '' : formatMetric(metrics[name]))).join('')}
          {best ? ' *' : ''}
        </Text>
      ))}
    </>
  );
}
