import { RobleError } from '../../../base/errors.js';
import { decodeSafetensors, encodeSafetensors, type TensorMap } from '../../../base/storage/safetensors.js';
import type { TrainingState } from '../../../plugin/contracts.js';
import type { RunProgress } from '../run/progress.js';

export interface CheckpointProgress extends RunProgress {
  /** Whether a roll-back may go to it: taken after a good step, and at one that depends on the settings, not on the clock. */
  readonly anchor: boolean;
}

export interface Checkpoint {
  readonly state: TrainingState;
  readonly progress: CheckpointProgress;
  /**
   * The weights of the best epoch of `progress`; undefined before there is one. They are part of every checkpoint, so
   * that nothing can come between them and the progress that knows whose they are.
   */
  readonly best?: TensorMap | undefined;
}

/**
 * A checkpoint as a safetensors file, which other programs read: the parameters, the optimizer's slots and the best
 * parameters by name, the progress and the engine's plan as metadata.
 */
export function encodeCheckpoint({ state, progress, best }: Checkpoint): Uint8Array {
  const tensors = {
    ...prefixed('parameters', state.parameters),
    ...prefixed('optimizer', state.optimizer),
    ...prefixed('best', best ?? {}),
  };
  return encodeSafetensors(tensors, {
    format: 'roble-checkpoint',
    version: '1',
    step: String(state.step),
    progress: JSON.stringify(progress),
    // An engine may have no choices to write down.
    ...(state.plan !== undefined && { plan: JSON.stringify(state.plan) }),
  });
}

/** @throws {RobleError} `ROBLE_CHECKPOINT_INVALID` when the bytes are not those that were written. */
export function decodeCheckpoint(file: Uint8Array, where: string): Checkpoint {
  try {
    const { tensors, metadata } = decodeSafetensors(file);
    const { step, progress, plan } = metadata as { step: string; progress: string; plan?: string };
    const best = unprefixed('best', tensors);
    return {
      state: {
        step: Number(step),
        parameters: unprefixed('parameters', tensors),
        optimizer: unprefixed('optimizer', tensors),
        plan: plan === undefined ? undefined : JSON.parse(plan),
      },
      progress: JSON.parse(progress),
      ...(Object.keys(best).length > 0 && { best }),
    };
  } catch (cause) {
    throw new RobleError('ROBLE_CHECKPOINT_INVALID', `The checkpoint ${where} is damaged.`, {
      received: (cause as Error).message,
      expected: 'the bytes that were written',
      nextSteps: ['Go on from an older checkpoint of the run.'],
      cause,
    });
  }
}

type Kind = 'parameters' | 'optimizer' | 'best';

function prefixed(kind: Kind, tensors: TensorMap): TensorMap {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${kind}:${name}`, tensor]));
}

function unprefixed(kind: Kind, tensors: TensorMap): TensorMap {
  const own = Object.entries(tensors).filter(([name]) => name.startsWith(`${kind}:`));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(kind.length + 1), tensor]));
}
