import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type {
  Batch,
  EngineOptions,
  Network,
  StepHyperparameters,
  StepMetrics,
  TrainingSession,
  TrainingState,
} from '../../core/plugin/index.js';
import { StateVectors, type Vectors } from '../training/state-vectors.js';
import { checkBatchSize, frozenTest, judgeNumbers, noState, stepScalars } from '../training/step-rules.js';
import { answerOnce, exportChecked } from './checked-export.js';
import { buildInferenceGraph } from './inference-graph.js';
import { choosePlan, type Plan, usablePlan } from './plan.js';
import { createSession, loadRuntime, type RuntimeOptions, runSession } from './runtime.js';
import type { StepGraphOptions } from './step-graph.js';
import { createStepProgram, type StepProgram } from './step-program.js';

type Runtime = typeof import('onnxruntime-node');

export class OnnxTrainingSession implements TrainingSession {
  readonly #runtime: Runtime;
  readonly #network: Network;
  readonly #options: EngineOptions;
  readonly #graphs: StepGraphOptions;
  readonly #vectors: StateVectors;
  /** The flat vectors: weights, statistics, and the slots. */
  readonly #state = new Map<string, Tensor>();
  #steps = 0;
  #microbatchSize: number;
  /** Made at the first step, so that a size that does not fit fails as a step. */
  #program: StepProgram | undefined;
  /** The graph of the current weights for evaluation; undefined after an update. */
  #inference: InferenceSession | undefined;

  private constructor(runtime: Runtime, network: Network, options: EngineOptions, graphs: StepGraphOptions) {
    this.#runtime = runtime;
    this.#network = network;
    this.#options = options;
    this.#graphs = graphs;
    this.#vectors = new StateVectors(network, options);
    this.#microbatchSize = options.batchSize;
  }

  static async create(network: Network, options: EngineOptions): Promise<OnnxTrainingSession> {
    const { batchSize: batch, optimizer, clipNorm, ema = false, frozen } = options;
    const known = await usablePlan(options.plan as Plan | undefined);
    const plan = known ?? (await choosePlan(network, batch, options.threads));
    const graphs = { network, batch, plan, optimizer, clipNorm, ema, isFrozen: frozenTest(frozen) };
    return new OnnxTrainingSession(await loadRuntime(), network, options, graphs);
  }

  async setMicrobatchSize(size: number): Promise<void> {
    const limited = Math.min(size, this.#options.batchSize);
    if (limited === this.#microbatchSize) return;
    this.#microbatchSize = limited;
    // Its memory is given back before that of the other size is taken.
    await this.#program?.release();
    this.#program = undefined;
  }

  async step(batch: Batch, hyper: StepHyperparameters): Promise<StepMetrics> {
    checkBatchSize(batch, this.#options.batchSize);
    this.#program ??= await this.#createProgram();
    const outputs = await this.#program.run(batch, {
      ...Object.fromEntries(this.#state),
      ...this.#scalars(hyper),
    });
    const metrics = judgeNumbers(outputs.metrics!.data as Float32Array, hyper.limits);
    if (metrics.applied) {
      for (const name of this.#state.keys()) this.#state.set(name, outputs[`next:${name}`]!);
      this.#steps++;
      await this.#dropInference();
    }
    return metrics;
  }

  async evaluate(images: Uint8Array, count: number): Promise<Float32Array> {
    this.#inference ??= await createSession(this.#inferenceGraph(true), this.#inferenceOptions);
    const { height, width, channels } = this.#network.input;
    const outputs = await runSession(this.#inference, {
      images: new this.#runtime.Tensor('uint8', images, [count, height, width, channels]),
    });
    return outputs.probabilities!.data as Float32Array;
  }

  async exportState(): Promise<TrainingState> {
    const vectors = this.#read();
    return {
      step: this.#steps,
      parameters: this.#vectors.parameters(vectors),
      optimizer: this.#vectors.optimizer(vectors),
      plan: this.#graphs.plan,
    };
  }

  async importState(state: TrainingState): Promise<void> {
    for (const [name, data] of this.#vectors.from(state))
      this.#state.set(name, new this.#runtime.Tensor('float32', data, [data.length]));
    this.#steps = state.step;
    await this.#dropInference();
  }

  async exportOnnx(metadata: Readonly<Record<string, string>>): Promise<Uint8Array> {
    const parameters = this.#vectors.parameters(this.#read());
    const runtime = this.#inferenceOptions;
    // The unfolded graph is the training graph's own arithmetic.
    const trained = answerOnce(this.#network, this.#inferenceGraph(false), runtime);
    return exportChecked(this.#network, parameters, metadata, { trained, runtime });
  }

  async close(): Promise<void> {
    await this.#dropInference();
    await this.#program?.release();
  }

  #createProgram(): Promise<StepProgram> {
    return createStepProgram(this.#graphs, this.#options.device, this.#microbatchSize);
  }

  #scalars(hyper: StepHyperparameters): Record<string, Tensor> {
    const scalars = stepScalars(this.#options.optimizer, this.#steps + 1, hyper);
    return Object.fromEntries(
      Object.entries(scalars).map(([name, value]) => [
        name,
        new this.#runtime.Tensor('float32', Float32Array.of(value), []),
      ]),
    );
  }

  #read(): Vectors {
    if (this.#state.size === 0) throw noState();
    return new Map([...this.#state].map(([name, tensor]) => [name, tensor.data as Float32Array]));
  }

  get #inferenceOptions(): RuntimeOptions {
    return { threads: this.#graphs.plan.threads, device: this.#options.device };
  }

  #inferenceGraph(fold: boolean): Uint8Array {
    return buildInferenceGraph(this.#network, this.#vectors.parameters(this.#read()), { fold });
  }

  async #dropInference(): Promise<void> {
    await this.#inference?.release();
    this.#inference = undefined;
  }
}
