import type { TrainEvent } from '../core/context.js';

type Metrics = Readonly<Record<string, number>>;
type Event<Kind extends TrainEvent['kind']> = Extract<TrainEvent, { kind: Kind }>;

/** What the view of a training run shows. */
export interface TrainState {
  readonly started?: Event<'started'>;
  /** What is going on inside the epoch. */
  readonly step?: Event<'step'>;
  readonly evaluating?: Event<'evaluating'>;
  readonly epochs: readonly { readonly epoch: number; readonly metrics: Metrics; readonly best: boolean }[];
  /** The curves: training metrics while the steps go by, validation metrics once an epoch. */
  readonly curves: Readonly<Record<string, readonly number[]>>;
  /** Warnings, checkpoints and the like, the newest last. */
  readonly notes: readonly string[];
  readonly stopping?: string;
}

export const INITIAL_TRAIN_STATE: TrainState = { epochs: [], curves: {}, notes: [] };

/** More points than any terminal has columns are of no use. */
const MAX_POINTS = 400;
const MAX_NOTES = 20;

/** The state after an event. */
export function advance(state: TrainState, event: TrainEvent): TrainState {
  switch (event.kind) {
    case 'started':
      return { ...state, started: event };
    case 'step': {
      const { evaluating: _, ...rest } = state;
      return { ...rest, step: event, curves: extend(state.curves, event.metrics, ['loss', 'accuracy']) };
    }
    case 'evaluating':
      return { ...state, evaluating: event };
    case 'epoch': {
      const { evaluating: _, ...rest } = state;
      const { epoch, metrics, best } = event;
      return {
        ...rest,
        epochs: [...state.epochs, { epoch, metrics, best }],
        curves: extend(state.curves, metrics, ['valLoss', 'valAccuracy']),
      };
    }
    case 'stopping':
      return { ...state, stopping: event.reason };
    case 'checkpoint':
      return state;
    case 'exported':
      return note(state, `exported ${event.bundle}`);
  }
}

/** The state with one more note. */
export function note(state: TrainState, text: string): TrainState {
  return { ...state, notes: [...state.notes, text].slice(-MAX_NOTES) };
}

function extend(
  curves: TrainState['curves'],
  metrics: Metrics,
  names: readonly string[],
): TrainState['curves'] {
  const longer = { ...curves };
  for (const name of names) {
    const value = metrics[name];
    if (value !== undefined) longer[name] = [...(curves[name] ?? []), value].slice(-MAX_POINTS);
  }
  return longer;
}
