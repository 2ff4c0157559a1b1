import type { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  type Batch,
  type EngineOptions,
  type Network,
  RobleError,
  type StepHyperparameters,
  type StepMetrics,
  type TensorMap,
  type TrainingSession,
  type TrainingState,
} from '../../core/plugin/index.js';
import type { OnnxDevice } from './device/device.js';
import { openDevice } from './device/probe.js';
import { EMA_SLOT, flatLayouts, flatten, stateSlots, unflatten } from './flat-layout.js';
import { buildInferenceGraph } from './inference-graph.js';
import { choosePlan, type Plan, usablePlan } from './plan.js';
import { createSession, discard, loadRuntime, runSession } from './runtime.js';
import { StateVectors } from './state-vectors.js';
import type { StepGraphOptions } from './step-graph.js';
import { createStepProgram, type StepProgram } from './step-program.js';

type Runtime = typeof import('onnxruntime-node');

/** Largest difference of two probabilities that the folded and the unfolded graph may have. */
const FOLDING_TOLERANCE = 1e-4;

export class OnnxTrainingSession implements TrainingSession {
  readonly #runtime: Runtime;
  readonly #network: Network;
  readonly #options: EngineOptions;
  readonly #graphs: StepGraphOptions;
  readonly #layouts: ReturnType<typeof flatLayouts>;
  readonly #slots: readonly string[];
  readonly #device: OnnxDevice;
  /** Weights, statistics, and the slots. */
  readonly #state: StateVectors;
  #steps = 0;
  #microbatchSize: number;
  /** Made at the first step, so that a size that does not fit fails as a step. */
  #program: StepProgram | undefined;
  /** The graph of the current weights for evaluation; undefined after an update. */
  #inference: InferenceSession | undefined;

  private constructor(
    runtime: Runtime,
    network: Network,
    options: EngineOptions,
    graphs: StepGraphOptions,
    device: OnnxDevice,
  ) {
    this.#runtime = runtime;
    this.#device = device;
    this.#state = new StateVectors(device);
    this.#network = network;
    this.#options = options;
    this.#graphs = graphs;
    this.#layouts = flatLayouts(network);
    this.#slots = stateSlots(options.optimizer, graphs.ema);
    this.#microbatchSize = options.batchSize;
  }

  static async create(network: Network, options: EngineOptions): Promise<OnnxTrainingSession> {
    const { batchSize: batch, optimizer, clipNorm, ema = false, frozen = [] } = options;
    const device = await openDevice(options.device);
    const known = await usablePlan(options.plan as Plan | undefined, device.provider);
    const plan = known ?? (await choosePlan(network, batch, options.threads, device.provider));
    const isFrozen = (layer: string) => frozen.some((name) => layer === name || layer.startsWith(`${name}.`));
    const graphs = { network, batch, plan, optimizer, clipNorm, ema, isFrozen };
    return new OnnxTrainingSession(await loadRuntime(), network, options, graphs, device);
  }

  async setMicrobatchSize(size: number): Promise<void> {
    const limited = Math.min(size, this.#options.batchSize);
    if (limited === this.#microbatchSize) return;
    this.#microbatchSize = limited;
    // Its memory is given back before that of the other size is taken.
    await this.#program?.release();
    this.#program = undefined;
  }

  async step(
    batch: Batch,
    { learningRate, emaDecay = 0, limits }: StepHyperparameters,
  ): Promise<StepMetrics> {
    this.#checkBatch(batch);
    this.#program ??= await this.#createProgram();
    const outputs = await this.#program.run(batch, {
      ...this.#state.tensors,
      ...this.#scalars(learningRate, emaDecay),
    });
    const [loss, accuracy, gradientNorm, magnitude] = outputs.metrics!.data as Float32Array as unknown as [
      number,
      number,
      number,
      number,
    ];
    const applied =
      [loss, gradientNorm, magnitude].every(Number.isFinite) &&
      loss <= (limits?.loss ?? Number.POSITIVE_INFINITY) &&
      gradientNorm <= (limits?.gradientNorm ?? Number.POSITIVE_INFINITY);
    if (applied) {
      this.#state.advance(outputs);
      this.#steps++;
      await this.#dropInference();
    } else discard(outputs);
    return { loss, accuracy, gradientNorm, applied };
  }

  async evaluate(images: Uint8Array, count: number): Promise<Float32Array> {
    this.#inference ??= await this.#inferenceSession(await this.#inferenceGraph(true));
    return this.#probabilities(this.#inference, images, count);
  }

  async exportState(): Promise<TrainingState> {
    const optimizer: TensorMap = {};
    for (const slot of this.#slots)
      for (const [name, tensor] of Object.entries(
        unflatten(this.#layouts.weights, await this.#state.read(slot)),
      ))
        optimizer[`${slot}/${name}`] = tensor;
    return { step: this.#steps, parameters: await this.#parameters(), optimizer, plan: this.#graphs.plan };
  }

  async importState({ step, parameters, optimizer }: TrainingState): Promise<void> {
    const { weights, statistics } = this.#layouts;
    const find = (name: string) => parameters[name];
    const vectors = new Map([['weights', flatten(weights, find)]]);
    if (statistics.size > 0) vectors.set('statistics', flatten(statistics, find));
    const isFresh = Object.keys(optimizer).length === 0;
    for (const slot of this.#slots)
      vectors.set(
        slot,
        isFresh
          ? freshSlot(slot, vectors.get('weights')!)
          : flatten(weights, (name) => optimizer[`${slot}/${name}`]),
      );
    await this.#state.set(vectors);
    this.#steps = step;
    await this.#dropInference();
  }

  async exportOnnx(metadata: Readonly<Record<string, string>>): Promise<Uint8Array> {
    const folded = await this.#inferenceGraph(true, metadata);
    await this.#compareWithUnfolded(folded);
    return folded;
  }

  async close(): Promise<void> {
    await this.#dropInference();
    await this.#program?.release();
    await this.#state.release();
  }

  #createProgram(): Promise<StepProgram> {
    return createStepProgram(this.#graphs, this.#device, this.#microbatchSize);
  }

  #checkBatch({ count }: Batch): void {
    if (count === this.#options.batchSize) return;
    throw new RobleError('ROBLE_INTERNAL', 'A training step got a batch of another size than the session.', {
      received: count,
      expected: `${this.#options.batchSize}`,
    });
  }

  #scalars(learningRate: number, emaDecay: number): Record<string, Tensor> {
    const { optimizer } = this.#options;
    const scalar = (value: number) => new this.#runtime.Tensor('float32', Float32Array.of(value), []);
    const scalars = { learningRate: scalar(learningRate), emaDecay: scalar(emaDecay) };
    if (optimizer.type !== 'adamw') return scalars;
    return {
      ...scalars,
      correction1: scalar(1 - optimizer.beta1 ** (this.#steps + 1)),
      correction2: scalar(1 - optimizer.beta2 ** (this.#steps + 1)),
    };
  }

  async #parameters(): Promise<TensorMap> {
    const { weights, statistics } = this.#layouts;
    return {
      ...unflatten(weights, await this.#state.read('weights')),
      ...(statistics.size > 0 && unflatten(statistics, await this.#state.read('statistics'))),
    };
  }

  async #inferenceGraph(fold: boolean, metadata: Readonly<Record<string, string>> = {}): Promise<Uint8Array> {
    return buildInferenceGraph(this.#network, await this.#parameters(), { fold, metadata });
  }

  #inferenceSession(graph: Uint8Array): Promise<InferenceSession> {
    return createSession(graph, { threads: this.#graphs.plan.threads, device: this.#device });
  }

  async #dropInference(): Promise<void> {
    await this.#inference?.release();
    this.#inference = undefined;
  }

  async #probabilities(session: InferenceSession, images: Uint8Array, count: number): Promise<Float32Array> {
    const { height, width, channels } = this.#network.input;
    const outputs = await runSession(session, {
      images: new this.#runtime.Tensor('uint8', images, [count, height, width, channels]),
    });
    return outputs.probabilities!.data as Float32Array;
  }

  /** The exported weights must answer as the training graph's own arithmetic does. */
  async #compareWithUnfolded(folded: Uint8Array): Promise<void> {
    const { height, width, channels } = this.#network.input;
    const count = 4;
    const images = Uint8Array.from(
      { length: count * height * width * channels },
      (_, i) => (i * 2654435761) >>> 24,
    );
    const answers: Float32Array[] = [];
    for (const graph of [folded, await this.#inferenceGraph(false)]) {
      const session = await this.#inferenceSession(graph);
      answers.push(await this.#probabilities(session, images, count));
      await session.release();
    }
    const difference = answers[0]!.reduce(
      (largest, value, i) => Math.max(largest, Math.abs(value - answers[1]![i]!)),
      0,
    );
    if (!(difference <= FOLDING_TOLERANCE))
      throw new RobleError('ROBLE_INTERNAL', 'The exported model does not answer as the trained one.', {
        received: `probabilities that differ by ${difference}`,
        expected: `at most ${FOLDING_TOLERANCE}`,
      });
  }
}

/** Moments start at zero, the moving average at the weights. */
function freshSlot(slot: string, weights: Float32Array): Float32Array {
  return slot === EMA_SLOT ? weights.slice() : new Float32Array(weights.length);
}
