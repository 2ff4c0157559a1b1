import { RobleError } from '../../errors.js';
import type { TensorMap, TrainingState } from '../../plugin/api.js';
import { decodeSafetensors, encodeSafetensors } from '../../storage/safetensors.js';
import type { CheckpointProgress } from './progress.js';

export interface Checkpoint {
  readonly state: TrainingState;
  readonly progress: CheckpointProgress;
}

/**
 * A checkpoint as a safetensors file, which other programs read: the parameters and the optimizer's slots by name, the
 * progress and the engine's plan as metadata.
 */
export function encodeCheckpoint({ state, progress }: Checkpoint): Uint8Array {
  const tensors = { ...prefixed('parameters', state.parameters), ...prefixed('optimizer', state.optimizer) };
  return encodeSafetensors(tensors, {
    format: 'roble-checkpoint',
    version: '1',
    step: String(state.step),
    progress: JSON.stringify(progress),
    plan: JSON.stringify(state.plan),
  });
}

/** @throws {RobleError} `ROBLE_CHECKPOINT_INVALID` when the bytes are not those that were written. */
export function decodeCheckpoint(file: Uint8Array, where: string): Checkpoint {
  try {
    const { tensors, metadata } = decodeSafetensors(file);
    const { step, progress, plan } = metadata as { step: string; progress: string; plan: string };
    return {
      state: {
        step: Number(step),
        parameters: unprefixed('parameters', tensors),
        optimizer: unprefixed('optimizer', tensors),
        plan: JSON.parse(plan),
      },
      progress: JSON.parse(progress),
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

type Kind = 'parameters' | 'optimizer';

function prefixed(kind: Kind, tensors: TensorMap): TensorMap {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${kind}:${name}`, tensor]));
}

function unprefixed(kind: Kind, tensors: TensorMap): TensorMap {
  const own = Object.entries(tensors).filter(([name]) => name.startsWith(`${kind}:`));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(kind.length + 1), tensor]));
}
