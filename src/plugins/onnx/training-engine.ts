import { availableParallelism } from 'node:os';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  type Batch,
  type EngineOptions,
  type InputValues,
  type Network,
  resolveNetwork,
  type StepHyperparameters,
  type StepMetrics,
  type TrainingEngine,
  type TrainingSession,
  type TrainingState,
} from '../../core/plugin/index.js';
import { StateVectors } from '../../engine-kit/flat-layout.js';
import { answerOnce, exportChecked } from '../../engine-kit/onnx/checked-export.js';
import { buildInferenceGraph } from '../../engine-kit/onnx/inference-graph.js';
import { quantizeOnnx } from '../../engine-kit/onnx/quantize.js';
import {
  createSession,
  discard,
  imageTensor,
  loadRuntime,
  type OnnxDevice,
  runSession,
} from '../../engine-kit/onnx/runtime.js';
import { checkBatchSize, frozenTest, judgeNumbers, stepScalars } from '../../engine-kit/step-rules.js';
import { openDevice, usableGpus } from './device/probe.js';
import { DeviceState } from './device-state.js';
import { choosePlan, type ExecutionPlan, usablePlan } from './lowerings/execution-plan.js';
import type { StepGraphOptions } from './step-graph.js';
import { createStepProgram, type StepProgram } from './step-program.js';

/** Trains with ONNX Runtime: the whole step is one graph of plain operators. */
export const plugin: TrainingEngine = {
  name: 'onnx',
  takesBackbones: true,
  async devices() {
    return [
      { id: 'cpu', description: `CPU, ${availableParallelism()} threads`, kind: 'cpu', software: false },
      ...(await usableGpus()),
    ];
  },
  async open(model, options) {
    return OnnxTrainingSession.create(resolveNetwork(model), options);
  },
  quantize: quantizeOnnx,
};

type Runtime = typeof import('onnxruntime-node');

class OnnxTrainingSession implements TrainingSession {
  readonly #runtime: Runtime;
  readonly #network: Network;
  readonly #options: EngineOptions;
  readonly #graphs: StepGraphOptions;
  readonly #vectors: StateVectors;
  readonly #device: OnnxDevice;
  readonly #state: DeviceState;
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
    this.#state = new DeviceState(device);
    this.#network = network;
    this.#options = options;
    this.#graphs = graphs;
    this.#vectors = new StateVectors(network, options);
    this.#microbatchSize = options.batchSize;
  }

  static async create(network: Network, options: EngineOptions): Promise<OnnxTrainingSession> {
    const { batchSize: batch, optimizer, clipNorm, ema = false, frozen, learningRateFactors } = options;
    const device = await openDevice(options.device);
    const known = await usablePlan(options.plan as ExecutionPlan | undefined, device.provider);
    const plan = known ?? (await choosePlan(network, batch, options.threads, device.provider));
    const graphs = {
      network,
      batch,
      plan,
      optimizer,
      clipNorm,
      ema,
      isFrozen: frozenTest(frozen),
      learningRateFactors,
    };
    return new OnnxTrainingSession(await loadRuntime(), network, options, graphs, device);
  }

  async setMicrobatchSize(size: number): Promise<void> {
    const limited = Math.min(size, this.#options.batchSize);
    if (limited === this.#microbatchSize) return;
    this.#microbatchSize = limited;
    await this.#state.leaveDevice();
    // Its memory is given back before that of the other size is taken.
    await this.#program?.release();
    this.#program = undefined;
  }

  async step(batch: Batch, hyper: StepHyperparameters): Promise<StepMetrics> {
    checkBatchSize(batch, this.#options.batchSize);
    this.#program ??= await this.#createProgram();
    const outputs = await this.#program.run(batch, {
      ...this.#state.tensors,
      ...this.#scalars(hyper),
    });
    const metrics = judgeNumbers(outputs.metrics!.data as Float32Array, hyper.limits);
    if (metrics.applied) {
      this.#state.advance(outputs);
      this.#steps++;
      await this.#dropInference();
    } else discard(outputs);
    return metrics;
  }

  async evaluate(images: InputValues, count: number): Promise<Float32Array> {
    this.#inference ??= await createSession(await this.#inferenceGraph({ fold: true }), {
      threads: this.#graphs.plan.threads,
      device: this.#device,
    });
    const outputs = await runSession(this.#inference, {
      images: imageTensor(this.#runtime, this.#network, images, count),
    });
    return outputs.probabilities!.data as Float32Array;
  }

  async exportState(): Promise<TrainingState> {
    const vectors = await this.#state.read();
    return {
      step: this.#steps,
      parameters: this.#vectors.parameters(vectors),
      optimizer: this.#vectors.optimizer(vectors),
      plan: this.#graphs.plan,
    };
  }

  async importState(state: TrainingState): Promise<void> {
    await this.#state.write(this.#vectors.from(state));
    this.#steps = state.step;
    await this.#dropInference();
  }

  async exportOnnx(metadata: Readonly<Record<string, string>>): Promise<Uint8Array> {
    const parameters = this.#vectors.parameters(await this.#state.read());
    // On the CPU whatever trained it: other devices may round more than the comparison allows.
    const runtime = { threads: this.#graphs.plan.threads };
    // The unfolded graph is the training graph's own arithmetic.
    const trained = answerOnce(this.#network, await this.#inferenceGraph({ fold: false }), runtime);
    return exportChecked(this.#network, parameters, metadata, { trained, runtime });
  }

  async close(): Promise<void> {
    await this.#dropInference();
    this.#state.discard();
    await this.#program?.release();
    await this.#state.release();
  }

  #createProgram(): Promise<StepProgram> {
    return createStepProgram(this.#graphs, this.#device, this.#microbatchSize);
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

  async #inferenceGraph(options: { readonly fold: boolean }): Promise<Uint8Array> {
    return buildInferenceGraph(this.#network, this.#vectors.parameters(await this.#state.read()), options);
  }

  async #dropInference(): Promise<void> {
    await this.#inference?.release();
    this.#inference = undefined;
  }
}
