import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../errors.js';
import type { TensorMap, TrainingState } from '../plugin/api.js';
import { replaceFile, sha256 } from '../storage/durable.js';

/** Where in the run a state was taken, and what the trainer has to remember besides the engine's state. */
export interface CheckpointProgress {
  /** Epochs that are complete. */
  readonly epoch: number;
  /** Updates made in the epoch that is not complete. */
  readonly stepInEpoch: number;
  /** The best epoch so far by the monitored metric. */
  readonly best?: { readonly epoch: number; readonly value: number } | undefined;
}

export interface Checkpoint {
  readonly state: TrainingState;
  readonly progress: CheckpointProgress;
}

const KIND_SEPARATOR = ':';

/**
 * A checkpoint as one file in the safetensors format (an 8-byte length, a JSON header, float32 data), which other
 * programs read. The header's metadata holds the SHA-256 of the data, the progress and the engine's plan.
 */
export function encodeCheckpoint({ state, progress }: Checkpoint): Uint8Array {
  const tensors = [...prefixed('parameters', state.parameters), ...prefixed('optimizer', state.optimizer)];
  const data = new Uint8Array(tensors.reduce((bytes, [, tensor]) => bytes + tensor.data.byteLength, 0));
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, tensor] of tensors) {
    data.set(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength), offset);
    header[name] = {
      dtype: 'F32',
      shape: tensor.shape,
      data_offsets: [offset, offset + tensor.data.byteLength],
    };
    offset += tensor.data.byteLength;
  }
  header.__metadata__ = {
    format: 'roble-checkpoint',
    version: '1',
    dataSha256: sha256(data),
    step: String(state.step),
    progress: JSON.stringify(progress),
    plan: JSON.stringify(state.plan),
  };
  const text = Buffer.from(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(text, 8);
  file.set(data, 8 + headerBytes);
  return file;
}

/** @throws {RobleError} `ROBLE_CHECKPOINT_INVALID` when the bytes are not those that were written. */
export function decodeCheckpoint(file: Uint8Array, where: string): Checkpoint {
  const damaged = (received: string, cause?: unknown) =>
    new RobleError('ROBLE_CHECKPOINT_INVALID', `The checkpoint ${where} is damaged.`, {
      received,
      expected: 'the bytes that were written',
      nextSteps: ['Go on from an older checkpoint of the run.'],
      cause,
    });
  try {
    const headerBytes = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
    const { __metadata__: metadata, ...entries } = JSON.parse(
      Buffer.from(file.subarray(8, 8 + headerBytes)).toString(),
    );
    // A copy: the file may be a view of a larger buffer, at any offset.
    const data = new Uint8Array(file.subarray(8 + headerBytes));
    if (sha256(data) !== metadata.dataSha256) throw damaged('another SHA-256');
    const tensors = { parameters: {} as TensorMap, optimizer: {} as TensorMap };
    for (const [key, { shape, data_offsets }] of Object.entries<{
      shape: number[];
      data_offsets: [number, number];
    }>(entries)) {
      const [kind, ...rest] = key.split(KIND_SEPARATOR);
      tensors[kind as keyof typeof tensors][rest.join(KIND_SEPARATOR)] = {
        shape,
        data: new Float32Array(data.buffer.slice(...data_offsets)),
      };
    }
    const state = { step: Number(metadata.step), ...tensors, plan: JSON.parse(metadata.plan) };
    return { state, progress: JSON.parse(metadata.progress) };
  } catch (cause) {
    throw cause instanceof RobleError ? cause : damaged((cause as Error).message, cause);
  }
}

function prefixed(kind: string, tensors: TensorMap): [string, TensorMap[string]][] {
  return Object.entries(tensors).map(([name, tensor]) => [`${kind}${KIND_SEPARATOR}${name}`, tensor]);
}

const EXTENSION = '.safetensors';

/** The checkpoints of a run: the newest few, and the best one, which rotation never touches. */
export class CheckpointStore {
  readonly #folder: string;
  readonly #keep: number;

  constructor(folder: string, keep: number) {
    this.#folder = folder;
    this.#keep = keep;
  }

  /** Writes a checkpoint, then removes those that are older than the newest `keep`. Gives its path. */
  async save(checkpoint: Checkpoint): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    const path = join(this.#folder, `step-${String(checkpoint.state.step).padStart(9, '0')}${EXTENSION}`);
    await this.#write(path, checkpoint);
    for (const old of (await this.list()).slice(0, -this.#keep)) await rm(old, { force: true });
    return path;
  }

  async saveBest(checkpoint: Checkpoint): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await this.#write(this.#bestPath, checkpoint);
  }

  async readBest(): Promise<Checkpoint> {
    return decodeCheckpoint(await readFile(this.#bestPath), this.#bestPath);
  }

  /** Paths of the regular checkpoints, oldest first. */
  async list(): Promise<string[]> {
    const names = await readdir(this.#folder);
    return names
      .filter((name) => name.startsWith('step-') && name.endsWith(EXTENSION))
      .sort()
      .map((name) => join(this.#folder, name));
  }

  get #bestPath(): string {
    return join(this.#folder, `best${EXTENSION}`);
  }

  /** Verified after writing: what is on the disk is read back, so that an older one is removed only for a good one. */
  async #write(path: string, checkpoint: Checkpoint): Promise<void> {
    await replaceFile(path, encodeCheckpoint(checkpoint));
    decodeCheckpoint(await readFile(path), path);
  }
}
