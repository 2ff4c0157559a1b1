import { availableParallelism } from 'node:os';
import type { Tensor } from '@tensorflow/tfjs';
import {
  type Batch,
  type Device,
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
import { flatLayouts, StateVectors, type Vectors } from '../../engine-kit/flat-layout.js';
import { withMemoryErrors } from '../../engine-kit/memory-errors.js';
import { exportChecked } from '../../engine-kit/onnx/checked-export.js';
import {
  checkBatchSize,
  decayMask,
  frozenTest,
  judgeNumbers,
  noState,
  rateFactors,
  statisticsMomenta,
  stepScalars,
} from '../../engine-kit/step-rules.js';
import { batchGradient, parametersIn, type StepContext } from './batch-gradient.js';
import { evaluate } from './layers.js';
import { type LoadedTensorFlow, loadTensorFlow } from './tensorflow.js';
import { type Update, type UpdateContext, updateState } from './update.js';

/** Trains with TensorFlow.js: by its tape of gradients, on the backend of the best package that is installed. */
export const plugin: TrainingEngine = {
  name: 'tfjs',
  takesBackbones: true,
  async devices() {
    return devicesOf(await loadTensorFlow({ device: 'auto', threads: 0 }));
  },
  async open(model, options) {
    const network = resolveNetwork(model);
    return new TfjsTrainingSession(await loadTensorFlow(options), network, options);
  },
};

/** TensorFlow says whether it uses a GPU, not how many there are: the first stands for all of them. */
function devicesOf({ name, version, backend, usesGpu, warnings }: LoadedTensorFlow): Device[] {
  const by = backend === 'tensorflow' ? 'TensorFlow' : 'plain JavaScript';
  const notes = warnings.map((warning) => `; ${warning}`).join('');
  const cpu: Device = {
    id: 'cpu',
    kind: 'cpu',
    description: `CPU by ${by}, ${name} ${version}${notes}`,
  };
  if (!usesGpu) return [cpu];
  return [cpu, { id: 'cuda:0', kind: 'gpu', description: `GPU by TensorFlow, ${name} ${version}` }];
}

/** Elsewhere this is a mistake; here the arrays are tensors of a batch that is too large. */
const MEMORY_WORDS = /Invalid typed array length/i;

/** Trains with TensorFlow.js. Its state lies in flat vectors, as that of the engine `onnx`. */
export class TfjsTrainingSession implements TrainingSession {
  readonly warnings: readonly string[];
  readonly #loaded: LoadedTensorFlow;
  readonly #options: EngineOptions;
  readonly #vectors: StateVectors;
  readonly #context: StepContext & UpdateContext;
  /** The flat vectors: weights, statistics, and the slots. */
  #state: Readonly<Record<string, Tensor>> = {};
  #steps = 0;
  #microbatchSize: number;

  constructor(loaded: LoadedTensorFlow, network: Network, options: EngineOptions) {
    const { tf, warnings } = loaded;
    this.warnings = warnings;
    this.#loaded = loaded;
    this.#options = options;
    this.#vectors = new StateVectors(network, options);
    this.#microbatchSize = options.batchSize;
    const layouts = flatLayouts(network);
    const isFrozen = frozenTest(options.frozen);
    const factors = rateFactors(layouts.weights, options.learningRateFactors);
    this.#context = {
      ...options,
      tf,
      network,
      layouts,
      isFrozen,
      decay: tf.tensor1d(decayMask(layouts.weights, isFrozen)),
      rates: factors && tf.tensor1d(factors),
      momenta:
        layouts.statistics.size > 0
          ? tf.tensor1d(statisticsMomenta(network, layouts.statistics, isFrozen))
          : undefined,
    };
  }

  async setMicrobatchSize(size: number): Promise<void> {
    this.#microbatchSize = Math.min(size, this.#options.batchSize);
  }

  step(batch: Batch, hyper: StepHyperparameters): Promise<StepMetrics> {
    return withMemory(async () => {
      checkBatchSize(batch, this.#options.batchSize);
      const { numbers, next } = this.#compute(batch, hyper);
      const { tf } = this.#loaded;
      let replaced = next;
      try {
        const metrics = judgeNumbers(await numbers.data(), hyper.limits);
        if (metrics.applied) {
          replaced = this.#state;
          this.#state = next;
          this.#steps++;
        }
        return metrics;
      } finally {
        tf.dispose([numbers, ...Object.values(replaced)]);
      }
    });
  }

  evaluate(images: InputValues, count: number): Promise<Float32Array> {
    return withMemory(async () => {
      const { tf, network } = this.#context;
      const state = this.#present();
      return evaluate(tf, network, () => parametersIn(this.#context, state), images, count);
    });
  }

  async exportState(): Promise<TrainingState> {
    const vectors = await this.#read();
    const { name, version, backend, usesGpu } = this.#loaded;
    const threads = backend === 'cpu' ? 1 : this.#options.threads || availableParallelism();
    return {
      step: this.#steps,
      parameters: this.#vectors.parameters(vectors),
      optimizer: this.#vectors.optimizer(vectors),
      plan: { engine: 'tfjs', package: name, version, usesGpu, threads },
    };
  }

  async importState(state: TrainingState): Promise<void> {
    const { tf } = this.#loaded;
    const vectors = [...this.#vectors.from(state)];
    tf.dispose(this.#state);
    this.#state = Object.fromEntries(vectors.map(([name, data]) => [name, tf.tensor1d(data)]));
    this.#steps = state.step;
  }

  async exportOnnx(metadata: Readonly<Record<string, string>>): Promise<Uint8Array> {
    const parameters = this.#vectors.parameters(await this.#read());
    return exportChecked(this.#context.network, parameters, metadata, {
      trained: (images, count) => this.evaluate(images, count),
      runtime: { threads: this.#options.threads },
    });
  }

  async close(): Promise<void> {
    const { tf, decay, rates, momenta } = this.#context;
    tf.dispose([
      decay,
      ...(rates ? [rates] : []),
      ...(momenta ? [momenta] : []),
      ...Object.values(this.#state),
    ]);
    this.#state = {};
  }

  /** The step, with a new state beside the one that it begins with. */
  #compute(batch: Batch, hyper: StepHyperparameters): Update {
    const state = this.#present();
    const scalars = stepScalars(this.#options.optimizer, this.#steps + 1, hyper);
    return this.#context.tf.tidy(() => {
      const result = batchGradient(this.#context, state, batch, this.#microbatchSize);
      return { ...updateState(this.#context, state, result, scalars) };
    });
  }

  #present(): Readonly<Record<string, Tensor>> {
    if (Object.keys(this.#state).length === 0) throw noState();
    return this.#state;
  }

  async #read(): Promise<Vectors> {
    const vectors = new Map<string, Float32Array>();
    for (const [name, tensor] of Object.entries(this.#present()))
      vectors.set(name, (await tensor.data()) as Float32Array);
    return vectors;
  }
}

function withMemory<T>(work: () => Promise<T>): Promise<T> {
  return withMemoryErrors('tfjs', work, MEMORY_WORDS);
}
