import { candidateValue, isBetter } from '../../core/learning/history/metrics.js';
import { MONITORS } from '../../core/learning/history/record.js';
import type { TrainEvent } from '../../core/learning/training/run/events.js';
import { incidentText, oneLine } from './text.js';

type Metrics = Readonly<Record<string, number>>;
type Event<Kind extends TrainEvent['kind']> = Extract<TrainEvent, { kind: Kind }>;

export interface EpochRow {
  readonly epoch: number;
  readonly metrics: Metrics;
  /** Better than all before it. */
  readonly best: boolean;
}

/** The newest checkpoint. */
export interface SafePoint {
  readonly epoch: number;
  readonly step: number;
  /** When it was saved; unknown for the checkpoint that the run continued from. */
  readonly timeMs?: number;
}

/** What the view of a training run shows. */
export interface TrainState {
  readonly started?: Event<'started'>;
  /** What is going on inside the epoch. */
  readonly step?: Event<'step'>;
  readonly evaluating?: Event<'evaluating'>;
  readonly epochs: readonly EpochRow[];
  /** Over the steps of the run: training metrics at the reported steps, validation metrics once an epoch. */
  readonly curves: Readonly<Record<CurveName, Curve>>;
  readonly safe?: SafePoint;
  /** Warnings, incidents and the like, the newest last. */
  readonly notes: readonly string[];
  readonly stopping?: string;
}

const STEP_CURVES = ['loss', 'accuracy'] as const;
const EPOCH_CURVES = ['valLoss', 'valAccuracy'] as const;
export type CurveName = (typeof STEP_CURVES | typeof EPOCH_CURVES)[number];

const NO_CURVES: TrainState['curves'] = { loss: [], accuracy: [], valLoss: [], valAccuracy: [] };
export const INITIAL_TRAIN_STATE: TrainState = { epochs: [], curves: NO_CURVES, notes: [] };

const MAX_NOTES = 20;

/** The state after an event that came at `timeMs`. */
export function advance(state: TrainState, event: TrainEvent, timeMs: number): TrainState {
  switch (event.kind) {
    case 'started':
      return begin(state, event);
    case 'step': {
      const { evaluating: _, ...rest } = state;
      const step = (event.epoch - 1) * event.stepsPerEpoch + event.step;
      return { ...rest, step: event, curves: extend(state.curves, STEP_CURVES, step, event.metrics) };
    }
    case 'evaluating':
      return { ...state, evaluating: event };
    case 'epoch':
      return endEpoch(state, event);
    case 'checkpoint':
      return { ...state, safe: { epoch: event.epoch, step: event.step, timeMs } };
    case 'incident':
      return note(state, incidentText(event.event));
    case 'stopping':
      return { ...state, stopping: oneLine(event.reason) };
    case 'exported':
      return note(state, `exported ${event.bundle}`);
  }
}

/** The state with one more note. */
export function note(state: TrainState, text: string): TrainState {
  return { ...state, notes: [...state.notes, oneLine(text)].slice(-MAX_NOTES) };
}

/** The epoch, counted from 1, to which a step of the run belongs. */
export function epochOfStep(step: number, stepsPerEpoch: number): number {
  return Math.max(1, Math.ceil(step / stepsPerEpoch));
}

/** A start, a resume, or the attempt of a new process, which makes the steps after its checkpoint again. */
function begin(before: TrainState, event: Event<'started'>): TrainState {
  const isOtherRun = before.started !== undefined && before.started.run !== event.run;
  const {
    step: _,
    evaluating: __,
    safe,
    ...kept
  } = isOtherRun ? { ...INITIAL_TRAIN_STATE, notes: before.notes } : before;
  return {
    ...kept,
    started: event,
    epochs: restoreEpochs(event, kept.epochs),
    curves: restoreCurves(event, kept.curves),
    ...restoreSafe(event, safe),
  };
}

function endEpoch(state: TrainState, { epoch, metrics, best }: Event<'epoch'>): TrainState {
  const { evaluating: _, ...rest } = state;
  const step = stepOfRecord(metrics, epoch, state.started?.stepsPerEpoch ?? 1);
  return {
    ...rest,
    epochs: [...state.epochs.filter((row) => row.epoch < epoch), { epoch, metrics, best }],
    curves: extend(state.curves, EPOCH_CURVES, step, metrics),
  };
}

/** The epochs of the history; those that were shown before keep their marks. */
function restoreEpochs({ history, monitor }: Event<'started'>, shown: readonly EpochRow[]): EpochRow[] {
  let record: number | undefined;
  return history.map((metrics, i) => {
    const epoch = metrics.epoch ?? i + 1;
    const value = candidateValue(metrics, monitor);
    const improved =
      value !== undefined && (record === undefined || isBetter(value, record, MONITORS[monitor]));
    if (improved) record = value;
    return { epoch, metrics, best: shown.find((row) => row.epoch === epoch)?.best ?? improved };
  });
}

/** The curves up to where the run goes on: as they were shown, else one point for each epoch of the history. */
function restoreCurves(
  { firstStep, history, stepsPerEpoch }: Event<'started'>,
  shown: TrainState['curves'],
): TrainState['curves'] {
  const names = Object.keys(shown) as CurveName[];
  if (names.every((name) => shown[name].length === 0))
    return history.reduce(
      (curves, metrics, i) => extend(curves, names, stepOfRecord(metrics, i + 1, stepsPerEpoch), metrics),
      shown,
    );
  const kept = names.map((name) => [name, untilStep(shown[name], firstStep)] as const);
  return Object.fromEntries(kept) as TrainState['curves'];
}

/** The checkpoint that the run goes on from, with its time when it was shown before. */
function restoreSafe(
  { firstStep, stepsPerEpoch }: Event<'started'>,
  shown: SafePoint | undefined,
): Pick<TrainState, 'safe'> {
  if (shown?.step === firstStep) return { safe: shown };
  return firstStep === 0 ? {} : { safe: { step: firstStep, epoch: epochOfStep(firstStep, stepsPerEpoch) } };
}

/** The step of the run at which an epoch ended. */
function stepOfRecord(metrics: Metrics, epoch: number, stepsPerEpoch: number): number {
  return metrics.step ?? (metrics.epoch ?? epoch) * stepsPerEpoch;
}

function extend(
  curves: TrainState['curves'],
  names: readonly CurveName[],
  step: number,
  metrics: Metrics,
): TrainState['curves'] {
  const longer = { ...curves };
  for (const name of names) {
    const value = metrics[name];
    if (value !== undefined) longer[name] = addPoint(curves[name], [step, value]);
  }
  return longer;
}

/** A metric over a run: points [step, value] in the order of their steps. */
export type Curve = readonly Point[];
export type Point = readonly [step: number, value: number];

/** More than any terminal shows. */
const MAX_POINTS = 1000;

/** The curve with one more point. Points at later steps are dropped: those steps are made again. */
export function addPoint(curve: Curve, point: Point): Curve {
  const longer = [...untilStep(curve, point[0] - 1), point];
  return longer.length > MAX_POINTS ? longer.filter((_, i) => i % 2 === 0 || i === MAX_POINTS) : longer;
}

/** The part of a curve up to a step. */
function untilStep(curve: Curve, step: number): Curve {
  return (curve.at(-1)?.[0] ?? 0) <= step ? curve : curve.filter(([at]) => at <= step);
}

/** The whole curve as `width` values at most, each the mean over an equal share of the steps. */
export function sampleCurve(curve: Curve, width: number): number[] {
  const points = curve.filter(([, value]) => Number.isFinite(value));
  if (width <= 0) return [];
  if (points.length <= width) return points.map(([, value]) => value);
  const first = points[0]![0];
  const stepsPerBin = (points.at(-1)![0] - first + 1) / width;
  const bins = Array.from({ length: width }, () => ({ sum: 0, count: 0 }));
  for (const [step, value] of points) {
    // Steps beyond 2^53 are rounded, and the last one may then fall behind the last bin.
    const bin = bins[Math.min(Math.floor((step - first) / stepsPerBin), width - 1)]!;
    bin.sum += value;
    bin.count++;
  }
  return bins.filter(({ count }) => count > 0).map(({ sum, count }) => sum / count);
}
