/** What was learnt about the memory; plain data that goes into checkpoints. */
export interface MemoryState {
  /** Samples in memory at once while training. */
  readonly microbatchSize: number;
  /** The same while evaluating. */
  readonly evaluationBatchSize: number;
  /** What the settings ask for while evaluating; when that changes, it is tried again. */
  readonly evaluationAskedFor: number;
  /** From the end of which epoch on a larger microbatch is tried; undefined: not. */
  readonly growAfterEpoch?: number;
  /** Epochs to wait after the next failed try. */
  readonly patience: number;
}

interface MemorySettings {
  readonly microbatchSize: number;
  readonly evaluationBatchSize: number;
}

/** The microbatch that the settings ask for: the whole batch, if they say nothing. */
export function askedMicrobatch(batchSize: number, { microbatchSize }: MemorySettings): number {
  return microbatchSize === 0 ? batchSize : Math.min(microbatchSize, batchSize);
}

/** At the start of a run, or where it goes on with what it knows and with settings that may have changed. */
export function memoryFor(batchSize: number, settings: MemorySettings, known?: MemoryState): MemoryState {
  const { evaluationBatchSize } = settings;
  const evaluation = { evaluationBatchSize, evaluationAskedFor: evaluationBatchSize };
  if (!known) return { microbatchSize: askedMicrobatch(batchSize, settings), ...evaluation, patience: 1 };
  return known.evaluationAskedFor === evaluationBatchSize ? known : { ...known, ...evaluation };
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

/** Shrinks until at most `size` samples are in memory. */
export function shrinkTo(state: MemoryState, epoch: number, size: number): MemoryState {
  let shrunk = state;
  while (shrunk.microbatchSize > size) shrunk = shrink(shrunk, epoch) ?? shrunk;
  return shrunk;
}

/** At the end of an epoch: twice the microbatch, up to what the settings ask for; undefined when it stays. */
export function grow(state: MemoryState, epoch: number, limit: number): MemoryState | undefined {
  if (state.growAfterEpoch === undefined || epoch < state.growAfterEpoch || state.microbatchSize >= limit)
    return undefined;
  const microbatchSize = Math.min(state.microbatchSize * 2, limit);
  const { growAfterEpoch: _, ...rest } = state;
  return { ...rest, microbatchSize, ...(microbatchSize < limit && { growAfterEpoch: epoch + 1 }) };
}
