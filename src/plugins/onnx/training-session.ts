import type { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  type Batch,
  type EngineOptions,
  everyLayer,
  type Network,
  RobleError,
  type StepHyperparameters,
  type StepMetrics,
  sizeOf,
  type TensorMap,
  type TrainingSession,
  type TrainingState,
} from '../../core/plugin/index.js';
import { buildInferenceGraph } from './inference-graph.js';
import { maskInput } from './lowerings/layers.js';
import { choosePlan, type Plan } from './plan.js';
import { createSession, loadRuntime } from './runtime.js';
import { buildStepGraph, type FlatLayout, flatLayouts, optimizerSlots } from './step-graph.js';

type Runtime = typeof import('onnxruntime-node');

/** Largest difference of two probabilities that the folded and the unfolded graph may have. */
const FOLDING_TOLERANCE = 1e-4;

export class OnnxTrainingSession implements TrainingSession {
  readonly #runtime: Runtime;
  readonly #network: Network;
  readonly #options: EngineOptions;
  readonly #plan: Plan;
  readonly #session: InferenceSession;
  readonly #layouts: ReturnType<typeof flatLayouts>;
  /** The flat vectors: weights, statistics, and the optimizer's slots. */
  readonly #state = new Map<string, Tensor>();
  #steps = 0;
  /** The graph of the current weights for evaluation; undefined after an update. */
  #inference: InferenceSession | undefined;

  private constructor(
    runtime: Runtime,
    network: Network,
    options: EngineOptions,
    plan: Plan,
    session: InferenceSession,
  ) {
    this.#runtime = runtime;
    this.#network = network;
    this.#options = options;
    this.#plan = plan;
    this.#session = session;
    this.#layouts = flatLayouts(network);
  }

  static async create(network: Network, options: EngineOptions): Promise<OnnxTrainingSession> {
    const { batchSize: batch, optimizer, clipNorm, device } = options;
    const plan = (options.plan as Plan | undefined) ?? (await choosePlan(network, batch, options.threads));
    const graph = buildStepGraph({ network, batch, plan, optimizer, clipNorm });
    const session = await createSession(graph, { threads: plan.threads, device });
    return new OnnxTrainingSession(await loadRuntime(), network, options, plan, session);
  }

  async step(batch: Batch, { learningRate }: StepHyperparameters): Promise<StepMetrics> {
    const outputs = await this.#session.run(this.#feeds(batch, learningRate));
    const [loss, accuracy, gradientNorm, magnitude] = outputs.metrics!.data as Float32Array as unknown as [
      number,
      number,
      number,
      number,
    ];
    if (![loss, gradientNorm, magnitude].every(Number.isFinite))
      throw new RobleError(
        'ROBLE_TRAIN_NOT_FINITE',
        `Step ${this.#steps + 1} gave a loss, a gradient or weights that are not finite numbers.`,
        {
          received: `loss ${loss}, gradient norm ${gradientNorm}, sum of the new weights' magnitudes ${magnitude}`,
          expected: 'finite numbers',
          nextSteps: [
            'Lower the learning rate, or add warm-up epochs.',
            'Keep gradient clipping on (train.clipNorm).',
          ],
        },
      );
    for (const name of this.#state.keys()) this.#state.set(name, outputs[`next:${name}`] as Tensor);
    this.#steps++;
    await this.#dropInference();
    return { loss, accuracy, gradientNorm };
  }

  async evaluate(images: Uint8Array, count: number): Promise<Float32Array> {
    this.#inference ??= await this.#inferenceSession(this.#inferenceGraph(true));
    return this.#probabilities(this.#inference, images, count);
  }

  async exportState(): Promise<TrainingState> {
    const optimizer: TensorMap = {};
    for (const slot of optimizerSlots(this.#options.optimizer))
      for (const [name, tensor] of Object.entries(this.#read(slot, this.#layouts.weights)))
        optimizer[`${slot}/${name}`] = tensor;
    return { step: this.#steps, parameters: this.#parameters(), optimizer, plan: this.#plan };
  }

  async importState(state: TrainingState): Promise<void> {
    const { weights, statistics } = this.#layouts;
    const vectors = new Map<string, Float32Array>([
      ['weights', flatten(weights, (name) => state.parameters[name])],
    ]);
    if (statistics.size > 0)
      vectors.set(
        'statistics',
        flatten(statistics, (name) => state.parameters[name]),
      );
    for (const slot of optimizerSlots(this.#options.optimizer)) {
      // A state without moments is one that has made no step.
      const fresh = state.step === 0 && Object.keys(state.optimizer).length === 0;
      vectors.set(
        slot,
        fresh
          ? new Float32Array(weights.size)
          : flatten(weights, (name) => state.optimizer[`${slot}/${name}`]),
      );
    }
    for (const [name, data] of vectors)
      this.#state.set(name, new this.#runtime.Tensor('float32', data, [data.length]));
    this.#steps = state.step;
    await this.#dropInference();
  }

  async exportOnnx(metadata: Readonly<Record<string, string>>): Promise<Uint8Array> {
    const folded = this.#inferenceGraph(true, metadata);
    await this.#compareWithUnfolded(folded);
    return folded;
  }

  async close(): Promise<void> {
    await this.#dropInference();
    await this.#session.release();
  }

  #feeds(batch: Batch, learningRate: number): Record<string, Tensor> {
    const { Tensor } = this.#runtime;
    const { batchSize, optimizer } = this.#options;
    const { height, width, channels } = this.#network.input;
    if (batch.count !== batchSize)
      throw new RobleError(
        'ROBLE_INTERNAL',
        'A training step got a batch of another size than the session.',
        {
          received: batch.count,
          expected: `${batchSize}`,
        },
      );
    const scalar = (value: number) => new Tensor('float32', Float32Array.of(value), []);
    const feeds: Record<string, Tensor> = {
      ...Object.fromEntries(this.#state),
      images: new Tensor('uint8', batch.images, [batchSize, height, width, channels]),
      targets: new Tensor('float32', batch.targets, [batchSize, this.#network.classes]),
      learningRate: scalar(learningRate),
    };
    if (optimizer.type === 'adamw') {
      feeds.correction1 = scalar(1 - optimizer.beta1 ** (this.#steps + 1));
      feeds.correction2 = scalar(1 - optimizer.beta2 ** (this.#steps + 1));
    }
    for (const { name, type, input } of everyLayer(this.#network.layers))
      if (type === 'dropout' && this.#session.inputNames.includes(maskInput(name)))
        feeds[maskInput(name)] = new Tensor('uint8', batch.masks[name]!, [batchSize, ...input]);
    return feeds;
  }

  #parameters(): TensorMap {
    const { weights, statistics } = this.#layouts;
    return {
      ...this.#read('weights', weights),
      ...(statistics.size > 0 && this.#read('statistics', statistics)),
    };
  }

  #read(vector: string, layout: FlatLayout): TensorMap {
    const flat = this.#state.get(vector)?.data as Float32Array | undefined;
    if (!flat)
      throw new RobleError(
        'ROBLE_INTERNAL',
        'The training session has no state yet: call importState first.',
      );
    const tensors: TensorMap = {};
    let offset = 0;
    for (const { name, shape } of layout.parameters) {
      const size = sizeOf(shape);
      tensors[name] = { shape, data: flat.slice(offset, offset + size) };
      offset += size;
    }
    return tensors;
  }

  #inferenceGraph(fold: boolean, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    return buildInferenceGraph(this.#network, this.#parameters(), { fold, metadata });
  }

  #inferenceSession(graph: Uint8Array): Promise<InferenceSession> {
    return createSession(graph, { threads: this.#plan.threads, device: this.#options.device });
  }

  async #dropInference(): Promise<void> {
    await this.#inference?.release();
    this.#inference = undefined;
  }

  async #probabilities(session: InferenceSession, images: Uint8Array, count: number): Promise<Float32Array> {
    const { height, width, channels } = this.#network.input;
    const outputs = await session.run({
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
    for (const graph of [folded, this.#inferenceGraph(false)]) {
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

function flatten(layout: FlatLayout, find: (name: string) => TensorMap[string] | undefined): Float32Array {
  const flat = new Float32Array(layout.size);
  let offset = 0;
  for (const { name, shape } of layout.parameters) {
    const tensor = find(name);
    if (!tensor || tensor.data.length !== sizeOf(shape))
      throw new RobleError('ROBLE_MODEL_INVALID', `The state does not fit the model at "${name}".`, {
        received: tensor ? `[${tensor.shape.join(', ')}]` : 'nothing',
        expected: `[${shape.join(', ')}]`,
      });
    flat.set(tensor.data, offset);
    offset += tensor.data.length;
  }
  return flat;
}
