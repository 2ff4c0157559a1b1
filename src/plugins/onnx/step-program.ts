import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Batch, everyLayer, type Network } from '../../core/plugin/index.js';
import { vectorNames } from '../../engine-kit/flat-layout.js';
import {
  createSession,
  discard,
  imageTensor,
  loadRuntime,
  type OnnxDevice,
  runSession,
  type Tensors,
} from '../../engine-kit/onnx/runtime.js';
import { batchPart } from '../../engine-kit/step-rules.js';
import { planForSize } from './lowerings/execution-plan.js';
import { maskInput } from './lowerings/layers.js';
import {
  ACCUMULATED,
  accumulatedSize,
  buildGradientGraph,
  buildStepGraph,
  buildUpdateGraph,
  type StepGraphOptions,
} from './step-graph.js';
import { nextOf } from './update-graph.js';

type Runtime = typeof import('onnxruntime-node');

/**
 * Computes one step: from a batch and the state (flat vectors and scalars) to `metrics` and the new vectors. The vectors
 * stay on the device; `metrics` does not.
 */
export interface StepProgram {
  run(batch: Batch, state: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

/** A program with at most `size` samples in memory at once. */
export async function createStepProgram(
  options: StepGraphOptions,
  device: OnnxDevice,
  size: number,
): Promise<StepProgram> {
  const runtime = await loadRuntime();
  return size >= options.batch
    ? WholeBatch.create(runtime, options, device)
    : PartedBatch.create(runtime, options, device, size);
}

/** The whole step as one graph. */
class WholeBatch implements StepProgram {
  readonly #runtime: Runtime;
  readonly #network: Network;
  readonly #session: InferenceSession;

  private constructor(runtime: Runtime, network: Network, session: InferenceSession) {
    this.#runtime = runtime;
    this.#network = network;
    this.#session = session;
  }

  static async create(runtime: Runtime, options: StepGraphOptions, device: OnnxDevice): Promise<WholeBatch> {
    const { threads } = options.plan;
    const session = await createSession(buildStepGraph(options), {
      threads,
      device,
      resident: vectorOutputs(options),
    });
    return new WholeBatch(runtime, options.network, session);
  }

  run(batch: Batch, state: Tensors): Promise<Tensors> {
    return runSession(this.#session, {
      ...state,
      ...batchTensors(this.#runtime, this.#network, batch, 0, batch.count),
    });
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

/**
 * The gradients of one part of the batch after another, summed, and then the update (gradient accumulation): as one
 * step over the whole batch up to the order of the sums, but that batch norm sees the statistics of each part.
 */
class PartedBatch implements StepProgram {
  readonly #runtime: Runtime;
  readonly #options: StepGraphOptions;
  readonly #size: number;
  /** By the number of samples: the last part may be smaller. */
  readonly #gradients: ReadonlyMap<number, InferenceSession>;
  readonly #update: InferenceSession;

  private constructor(
    runtime: Runtime,
    options: StepGraphOptions,
    size: number,
    gradients: ReadonlyMap<number, InferenceSession>,
    update: InferenceSession,
  ) {
    this.#runtime = runtime;
    this.#options = options;
    this.#size = size;
    this.#gradients = gradients;
    this.#update = update;
  }

  static async create(
    runtime: Runtime,
    options: StepGraphOptions,
    device: OnnxDevice,
    size: number,
  ): Promise<PartedBatch> {
    const { batch, plan } = options;
    const { threads } = plan;
    const gradients = new Map<number, InferenceSession>();
    try {
      for (const part of new Set([size, batch % size || size])) {
        const graph = buildGradientGraph({ ...options, plan: planForSize(plan, part) }, part);
        gradients.set(part, await createSession(graph, { threads, device, resident: [nextOf(ACCUMULATED)] }));
      }
      const update = await createSession(buildUpdateGraph(options), {
        threads,
        device,
        resident: vectorOutputs(options),
      });
      return new PartedBatch(runtime, options, size, gradients, update);
    } catch (error) {
      for (const session of gradients.values()) await session.release();
      throw error;
    }
  }

  async run(batch: Batch, state: Tensors): Promise<Tensors> {
    const { network } = this.#options;
    const length = accumulatedSize(network);
    let accumulated: Tensor = new this.#runtime.Tensor('float32', new Float32Array(length), [length]);
    try {
      for (let start = 0; start < batch.count; start += this.#size) {
        const end = Math.min(start + this.#size, batch.count);
        const outputs = await runSession(this.#gradients.get(end - start)!, {
          ...state,
          ...batchTensors(this.#runtime, network, batch, start, end),
          [ACCUMULATED]: accumulated,
        });
        discard({ accumulated });
        accumulated = outputs[nextOf(ACCUMULATED)]!;
      }
      return await runSession(this.#update, { ...state, [ACCUMULATED]: accumulated });
    } finally {
      discard({ accumulated });
    }
  }

  async release(): Promise<void> {
    for (const session of [...this.#gradients.values(), this.#update]) await session.release();
  }
}

/** The outputs that are the next step's state. */
function vectorOutputs({ network, optimizer, ema }: StepGraphOptions): string[] {
  return vectorNames(network, optimizer, ema).map(nextOf);
}

/** The samples `start` to `end` of a batch, as inputs of a graph. */
function batchTensors(runtime: Runtime, network: Network, batch: Batch, start: number, end: number): Tensors {
  const { Tensor } = runtime;
  const { count, images, targets, masks } = batchPart(network, batch, start, end);
  const tensors: Record<string, Tensor> = {
    images: imageTensor(runtime, network, images, count),
    targets: new Tensor('float32', targets, [count, network.classes]),
  };
  for (const { name, type, input } of everyLayer(network.layers))
    if (type === 'dropout') tensors[maskInput(name)] = new Tensor('uint8', masks[name]!, [count, ...input]);
  return tensors;
}
