import type { HistoryEvent } from '../../history/record.js';

/** What was learnt about the memory; plain data that goes into checkpoints. */
export interface MemoryState {
  /** Samples in memory at once while training. */
  readonly microbatchSize: number;
  /** The same while evaluating. */
  readonly evaluationBatchSize: number;
  /** From the end of which epoch on a larger microbatch is tried; undefined: not. */
  readonly growAfterEpoch?: number;
  /** Epochs to wait after the next failed try. */
  readonly patience: number;
}

export function initialMemory(
  batchSize: number,
  options: { microbatchSize: number; evaluationBatchSize: number },
): MemoryState {
  const { microbatchSize, evaluationBatchSize } = options;
  return {
    microbatchSize: microbatchSize === 0 ? batchSize : Math.min(microbatchSize, batchSize),
    evaluationBatchSize,
    patience: 1,
  };
}

/** After a lack of memory in `epoch`: half the microbatch, and a wait that doubles; undefined when it is 1 already. */
export function shrink(state: MemoryState, epoch: number): MemoryState | undefined {
  if (state.microbatchSize === 1) return undefined;
  return {
    ...state,
    microbatchSize: Math.ceil(state.microbatchSize / 2),
    growAfterEpoch: epoch - 1 + state.patience,
    patience: state.patience * 2,
  };
}

/** At the end of an epoch: twice the microbatch when the wait is over; undefined when it stays. */
export function grow(state: MemoryState, epoch: number, batchSize: number): MemoryState | undefined {
  if (state.growAfterEpoch === undefined || epoch < state.growAfterEpoch || state.microbatchSize >= batchSize)
    return undefined;
  const microbatchSize = Math.min(state.microbatchSize * 2, batchSize);
  const { growAfterEpoch: _, ...rest } = state;
  return { ...rest, microbatchSize, ...(microbatchSize < batchSize && { growAfterEpoch: epoch + 1 }) };
}

/**
 * The microbatch sizes that the history records for the steps after `step`: a run that goes on from there sums the
 * same gradients in the same parts, and so gets the same bits.
 */
export function recordedSizes(events: readonly HistoryEvent[], step: number): Map<number, number> {
  return new Map(
    events.flatMap((event) =>
      event.event === 'microbatch-changed' && event.step >= step && event.microbatchSize !== undefined
        ? [[event.step, event.microbatchSize] as const]
        : [],
    ),
  );
}
