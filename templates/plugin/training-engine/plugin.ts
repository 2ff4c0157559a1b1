import {
  checkBatchSize,
  decayMask,
  EMA_SLOT,
  exportChecked,
  flatLayouts,
  frozenTest,
  judgeNumbers,
  layerOf,
  noState,
  StateVectors,
  stepScalars,
  type Vectors,
} from 'roble/engine-kit';
import {
  type Batch,
  type EngineOptions,
  type InputValues,
  type Network,
  RobleError,
  resolveNetwork,
  type StepHyperparameters,
  type StepMetrics,
  sizeOf,
  type TrainingEngine,
  type TrainingSession,
  type TrainingState,
} from 'roble/plugin';

/**
 * Trains networks of dense layers by plain TypeScript. What makes it another engine is `#gradient` and `#next`: put your
 * runtime there. The rest is the bookkeeping that all engines share.
 */
export const plugin: TrainingEngine = {
  name: '<%= it.name %>',

  async devices() {
    return [{ id: 'cpu', kind: 'cpu', description: 'CPU, one thread of plain JavaScript' }];
  },

  async open(model, options) {
    const network = resolveNetwork(model);
    const unknown = network.layers.find(({ type }) => !LAYERS.includes(type));
    if (unknown)
      throw new RobleError('ROBLE_MODEL_INVALID', `The engine "<%= it.name %>" knows no layer "${unknown.type}".`, {
        received: unknown.name,
        expected: `some of ${LAYERS.join(', ')}`,
      });
    return new PlainSession(network, options);
  },
};

const LAYERS = ['flatten', 'dense', 'relu', 'dropout'];

class PlainSession implements TrainingSession {
  readonly #network: Network;
  readonly #options: EngineOptions;
  readonly #layout: ReturnType<typeof flatLayouts>['weights'];
  readonly #vectors: StateVectors;
  /** The weights as one flat vector, and the moments of the optimizer likewise. */
  #state: Vectors = new Map();
  #steps = 0;

  constructor(network: Network, options: EngineOptions) {
    this.#network = network;
    this.#options = options;
    this.#layout = flatLayouts(network).weights;
    this.#vectors = new StateVectors(network, options);
  }

  /** Only one sample is in memory at a time, whatever the size of a part. */
  async setMicrobatchSize(): Promise<void> {}

  async step(batch: Batch, hyper: StepHyperparameters): Promise<StepMetrics> {
    checkBatchSize(batch, this.#options.batchSize);
    const { gradient, loss, accuracy } = this.#gradient(batch);
    const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value ** 2, 0));
    const { clipNorm } = this.#options;
    const factor = clipNorm > 0 ? Math.min(1, clipNorm / (norm + 1e-6)) : 1;
    const next = this.#next(
      gradient.map((value) => factor * value),
      hyper,
    );
    const magnitude = next.get('weights')!.reduce((sum, value) => sum + Math.abs(value), 0);
    const metrics = judgeNumbers([loss, accuracy, norm, magnitude], hyper.limits);
    if (metrics.applied) {
      this.#state = next;
      this.#steps++;
    }
    return metrics;
  }

  async evaluate(images: InputValues, count: number): Promise<Float32Array> {
    const probabilities = new Float32Array(count * this.#network.classes);
    for (let row = 0; row < count; row++)
      probabilities.set(softmax(this.#forward(images, row).at(-1)!), row * this.#network.classes);
    return probabilities;
  }

  async exportState(): Promise<TrainingState> {
    this.#weights();
    return {
      step: this.#steps,
      parameters: this.#vectors.parameters(this.#state),
      optimizer: this.#vectors.optimizer(this.#state),
      plan: undefined,
    };
  }

  async importState(state: TrainingState): Promise<void> {
    this.#state = this.#vectors.from(state);
    this.#steps = state.step;
  }

  async exportOnnx(metadata: Readonly<Record<string, string>>): Promise<Uint8Array> {
    return exportChecked(this.#network, this.#vectors.parameters(this.#state), metadata, {
      trained: (images, count) => this.evaluate(images, count),
      runtime: { threads: this.#options.threads },
    });
  }

  async close(): Promise<void> {
    this.#state = new Map();
  }

  #weights(): Float32Array {
    const weights = this.#state.get('weights');
    if (!weights) throw noState();
    return weights;
  }

  /** What goes into each layer for one picture, and at the end the logits. With masks: as in training. */
  #forward(images: InputValues, row: number, masks?: Batch['masks']): Float32Array[] {
    const { input: { height, width, channels }, inputType } = this.#network;
    const size = sizeOf([height, width, channels]);
    const first = new Float32Array(size);
    // From [height, width, channels] to [channels, height, width]; pictures from 0..255 to 0..1, features as they are.
    const full = inputType === 'uint8' ? 255 : 1;
    for (let i = 0; i < size; i++)
      first[(i % channels) * height * width + Math.floor(i / channels)] = images[row * size + i] / full;
    const parts = this.#partsOf(this.#weights());
    const values = [first];
    for (const layer of this.#network.layers) {
      const input = values.at(-1)!;
      if (layer.type === 'relu') values.push(input.map((value) => Math.max(0, value)));
      else if (layer.type === 'dropout' && masks) {
        const mask = masks[layer.name];
        values.push(input.map((value, i) => (value * mask[row * input.length + i]) / (1 - layer.layer.rate)));
      } else if (layer.type === 'dense') {
        const weight = parts.get(`${layer.name}.weight`)!;
        const output = parts.get(`${layer.name}.bias`)?.slice() ?? new Float32Array(layer.units);
        for (const [i, value] of input.entries())
          for (let unit = 0; unit < layer.units; unit++) output[unit] += value * weight[i * layer.units + unit];
        values.push(output);
      } else values.push(input);
    }
    return values;
  }

  /** The gradient of the mean cross-entropy of a batch, flat as the weights. */
  #gradient(batch: Batch): { gradient: Float32Array; loss: number; accuracy: number } {
    const { classes, layers } = this.#network;
    const flat = new Float32Array(this.#layout.size);
    const [parts, gradients] = [this.#partsOf(this.#weights()), this.#partsOf(flat)];
    let [loss, right] = [0, 0];
    for (let row = 0; row < batch.count; row++) {
      const values = this.#forward(batch.images, row, batch.masks);
      const probabilities = softmax(values.at(-1)!);
      const target = batch.targets.subarray(row * classes, (row + 1) * classes);
      const weight = target.reduce((a, b) => a + b, 0);
      loss -= target.reduce((sum, share, k) => sum + share * Math.log(probabilities[k]), 0) / batch.count;
      if (indexOfLargest(probabilities) === indexOfLargest(target)) right++;
      let outer: Float32Array = probabilities.map((value, k) => (value * weight - target[k]) / batch.count);
      for (const [i, layer] of [...layers.entries()].reverse()) {
        const input = values[i];
        const over = outer;
        if (layer.type === 'relu') outer = over.map((value, k) => (input[k] > 0 ? value : 0));
        else if (layer.type === 'dropout') {
          const mask = batch.masks[layer.name];
          outer = over.map((value, k) => (value * mask[row * input.length + k]) / (1 - layer.layer.rate));
        } else if (layer.type === 'dense') {
          const { units, name } = layer;
          const [weights, ofWeights] = [parts.get(`${name}.weight`)!, gradients.get(`${name}.weight`)!];
          gradients.get(`${name}.bias`)?.forEach((_, unit, bias) => {
            bias[unit] += over[unit];
          });
          outer = input.map((value, k) => {
            let sum = 0;
            for (let unit = 0; unit < units; unit++) {
              ofWeights[k * units + unit] += value * over[unit];
              sum += weights[k * units + unit] * over[unit];
            }
            return sum;
          });
        }
      }
    }
    const isFrozen = frozenTest(this.#options.frozen);
    for (const [name, part] of gradients) if (isFrozen(layerOf(name))) part.fill(0);
    return { gradient: flat, loss, accuracy: right / batch.count };
  }

  /** The state after an update: SGD with coupled decay, or AdamW (Loshchilov and Hutter 2019). */
  #next(gradient: Float32Array, hyper: StepHyperparameters): Map<string, Float32Array> {
    const { optimizer, frozen, ema } = this.#options;
    const { learningRate, emaDecay, correction1, correction2 } = stepScalars(optimizer, this.#steps + 1, hyper);
    const decay = decayMask(this.#layout, frozenTest(frozen));
    const next = new Map([...this.#state].map(([name, vector]) => [name, vector.slice()]));
    const weights = next.get('weights')!;
    const [first, second, momentum] = ['firstMoment', 'secondMoment', 'momentum'].map((name) => next.get(name));
    for (let i = 0; i < weights.length; i++) {
      const pull = optimizer.weightDecay * decay[i] * weights[i];
      if (optimizer.type === 'adamw') {
        const { beta1, beta2, epsilon } = optimizer;
        first![i] = beta1 * first![i] + (1 - beta1) * gradient[i];
        second![i] = beta2 * second![i] + (1 - beta2) * gradient[i] ** 2;
        const way = first![i] / correction1 / (Math.sqrt(second![i] / correction2) + epsilon);
        weights[i] -= learningRate * (way + pull);
      } else {
        const total = gradient[i] + pull;
        if (momentum) momentum[i] = optimizer.momentum * momentum[i] + total;
        const ahead = optimizer.nesterov ? total + optimizer.momentum * (momentum?.[i] ?? 0) : momentum?.[i];
        weights[i] -= learningRate * (ahead ?? total);
      }
    }
    const average = ema ? next.get(EMA_SLOT)! : undefined;
    average?.forEach((value, i) => {
      average[i] = emaDecay * value + (1 - emaDecay) * weights[i];
    });
    return next;
  }

  /** Where each parameter lies in a flat vector, as views. */
  #partsOf(flat: Float32Array): Map<string, Float32Array> {
    let offset = 0;
    return new Map(
      this.#layout.parameters.map(({ name, shape }) => {
        const part = flat.subarray(offset, offset + sizeOf(shape));
        offset += part.length;
        return [name, part];
      }),
    );
  }
}

function softmax(logits: Float32Array): Float32Array {
  const largest = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

const indexOfLargest = (values: Float32Array) => values.indexOf(Math.max(...values));
