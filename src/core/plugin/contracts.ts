import type { ZodType } from 'zod';
import type { Random } from '../base/random.js';
import type { TensorMap } from '../base/storage/safetensors.js';
import type { PackedDrawing } from '../image/strokes/packed.js';
import type { ServableModel } from '../model/bundle.js';
import type { ImageShape, InputValues, LayerInput, ModelSpec } from '../model/spec.js';
import type { Reader } from './reader.js';

/** What plugins may be called. */
export const PLUGIN_NAME = /^[a-z][a-z0-9-]*$/;

/** Raised when this interface changes in a way that breaks plugins. */
export const PLUGIN_API_VERSION = 1;

/** Something that can compute, really probed. */
export interface Device {
  /** What a user writes for `--device`, such as `cpu`, `webgpu` or `cuda:0`. */
  readonly id: string;
  readonly description: string;
  readonly kind?: 'cpu' | 'gpu';
  /** Whether it is a graphics adapter that computes on the CPU: good for tests, and never chosen by itself. */
  readonly software?: boolean;
}

/** One mini-batch, ready for the engine. */
export interface Batch {
  /** Its number in the run, from 0. */
  readonly step: number;
  readonly count: number;
  /** [count, height, width, channels], of the model's `inputType`. */
  readonly images: InputValues;
  /** Soft labels, float32, [count, classes]. A row sums to the weight of its sample: 1 without class weights. */
  readonly targets: Float32Array;
  /** Of each dropout layer by name: 1 keeps a value, 0 drops it; uint8, [count, ...the layer's shape]. */
  readonly masks: Readonly<Record<string, Uint8Array>>;
}

export type OptimizerSpec =
  | {
      readonly type: 'adamw';
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly weightDecay: number;
    }
  | {
      readonly type: 'sgd';
      readonly momentum: number;
      readonly nesterov: boolean;
      readonly weightDecay: number;
    };

/** What may change from step to step without a new session. */
export interface StepHyperparameters {
  readonly learningRate: number;
  /** Share of the old moving average that is kept; only read when `EngineOptions.ema` is on. */
  readonly emaDecay?: number;
  /** A step beyond one of these is not applied. Numbers that are not finite never are. */
  readonly limits?: { readonly loss: number; readonly gradientNorm: number };
}

export interface StepMetrics {
  /** Mean cross-entropy of the batch, in nats. */
  readonly loss: number;
  /** Share of the batch whose most probable class is the target's, in training mode. */
  readonly accuracy: number;
  /** L2 norm over all gradients, before clipping. */
  readonly gradientNorm: number;
  /** Whether the update was made. If not, the state is what it was before. */
  readonly applied: boolean;
}

/** All that a session needs to go on: the same on every engine, so that one's checkpoint resumes in another. */
export interface TrainingState {
  /** Number of updates made so far. */
  readonly step: number;
  /** Trainable parameters and running statistics, by `layer.part`. */
  readonly parameters: TensorMap;
  /** Moments of the optimizer, and the moving average `ema` of the weights, by `slot/layer.part`. Empty: fresh ones. */
  readonly optimizer: TensorMap;
  /** The engine's own choices that make results repeatable (lowerings, threads), as JSON, or none; opaque to the trainer. */
  readonly plan: unknown;
}

export interface EngineOptions {
  readonly device: string;
  readonly batchSize: number;
  /** Threads of the engine; 0 lets it choose. */
  readonly threads: number;
  readonly optimizer: OptimizerSpec;
  /** Gradients are scaled down to this global L2 norm; 0 switches it off. */
  readonly clipNorm: number;
  /** Keep an exponential moving average of the weights, in the optimizer's slot `ema`. Off by default. */
  readonly ema?: boolean;
  /** Names of the layers whose parameters and statistics stay as they are; a residual block's name means all in it. */
  readonly frozen?: readonly string[];
  /** By the names of layers, where a residual block's name means all in it: what multiplies their learning rate; 1 for others. */
  readonly learningRateFactors?: Readonly<Record<string, number>>;
  /** The plan of a checkpoint, to repeat it exactly. */
  readonly plan?: unknown;
}

/**
 * Trains one model. Lives in the training worker.
 * A step is a transaction: when it throws or is not applied, the state is what it was before.
 * What does not fit into the memory throws `ROBLE_OUT_OF_MEMORY`; the session stays usable.
 */
export interface TrainingSession {
  /** What the user should know about how it computes, such as a GPU that could not be used. */
  readonly warnings?: readonly string[];
  /** Forward, backward, clip, update, checked before it is applied. */
  step(batch: Batch, hyper: StepHyperparameters): Promise<StepMetrics>;
  /**
   * From the next step on, the gradient of a batch is summed over parts of at most `size` samples, so that only one
   * part's activations are in memory. The update is that of the whole batch; batch norm takes each part's statistics.
   * The size of the batch (the default) or more switches it off.
   */
  setMicrobatchSize(size: number): Promise<void>;
  /** Probabilities in evaluation mode, float32, [count, classes], of images [count, height, width, channels]. */
  evaluate(images: InputValues, count: number): Promise<Float32Array>;
  exportState(): Promise<TrainingState>;
  importState(state: TrainingState): Promise<void>;
  /** The classifier as an ONNX model: `images` [N, height, width, channels] -> `probabilities` float32 [N, classes]. */
  exportOnnx(metadata: Readonly<Record<string, string>>): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What a quantized model is made of. */
export interface QuantizationRequest {
  /** The classifier, as {@link TrainingSession.exportOnnx} gives it. */
  readonly model: Uint8Array;
  readonly input: ImageShape;
  /** Pictures by which the ranges of the values are found: uint8, [count, height, width, channels]. */
  readonly calibration: Uint8Array;
  /** Pictures for golden answers: uint8, [count, height, width, channels]. */
  readonly golden: Uint8Array;
  /** Called with the calibration pictures done so far; what it throws ends the work. */
  readonly onImages: (done: number) => void;
}

/** A classifier with 8-bit integers, which takes and gives what the one with floats does. */
export interface QuantizedModel {
  readonly onnx: Uint8Array;
  /** How many of the convolutions and dense layers are computed with integers. */
  readonly layers: { readonly quantized: number; readonly all: number };
  /** Its answers, float32 [count, classes], and how far those of another processor may be from them. */
  readonly golden: { readonly probabilities: Float32Array; readonly tolerance: number };
}

export interface TrainingEngine {
  readonly name: string;
  /**
   * Whether it takes what models on a backbone need: features in place of pictures (`ModelSpec.inputType`), and learning rates
   * by layer (`EngineOptions.learningRateFactors`). Without it they are refused, and not trained in another way.
   */
  readonly takesBackbones?: boolean;
  /** What it can use on this machine. */
  devices(): Promise<Device[]>;
  /** A session with the weights that `importState` gives it. */
  open(model: ModelSpec, options: EngineOptions): Promise<TrainingSession>;
  /**
   * An exported classifier with 8-bit integers; absent where the engine cannot do that. The same request gives the same bytes.
   *
   * @throws {RobleError} `ROBLE_QUANTIZATION_REFUSED`
   */
  quantize?(request: QuantizationRequest): Promise<QuantizedModel>;
}

export interface ServingOptions<Options = unknown> {
  readonly device: string;
  readonly threads: number;
  /** `serve.backendOptions`, as the backend's own schema gives them. */
  readonly options: Options;
}

/** Answers predictions of one model. */
export interface Predictor {
  warmUp(): Promise<void>;
  /** Probabilities, float32, [count, classes], of uint8 images [count, height, width, channels]. */
  predict(images: Uint8Array, count: number): Promise<Float32Array>;
  /** Throws while it could not answer, for reasons outside of its process. Asked again and again. */
  checkHealth?(): Promise<void>;
  /** Gives back what it holds; a second time does no harm. */
  close(): Promise<void>;
}

export interface ServingBackend<Options = unknown> {
  readonly name: string;
  /** Checks `serve.backendOptions`; by default there are none. */
  readonly options?: ZodType<Options>;
  /**
   * A predictor of a bundle, beside others that may be open. An error without a code is taken for a fault of the backend.
   *
   * @throws {RobleError} `ROBLE_BUNDLE_INVALID` for a model that it cannot compute
   * @throws {RobleError} `ROBLE_DEVICE_UNAVAILABLE` for a device that it does not have
   */
  load(model: ServableModel, options: ServingOptions<Options>): Promise<Predictor>;
}

/** A picture in memory: uint8, [height, width, channels], 0 is paper and 255 is ink for characters. */
export interface ImageView {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
  /** The pen strokes that it was drawn from, where they are known; {@link PenDrawing} unpacks them. */
  readonly strokes?: PackedDrawing | undefined;
}

/** The values that an augmenter drew, by name: with them its result can be explained and made again. */
export type DrawnValues = Readonly<Record<string, number>>;

/** An augmenter apart from its work. */
interface AugmenterDescription<Parameters> {
  readonly name: string;
  /** Raised whenever the same input gives other pixels: it is in the lineage of every copy. */
  readonly version: number;
  /** One line for people. */
  readonly description: string;
  /** Checks the parameters and has a default for each. */
  readonly parameters: ZodType<Parameters>;
  /** Whether it blends the picture with another one of the same class, given as `partner`. */
  readonly needsPartner?: boolean;
  /**
   * Whether it changes the strokes of the picture and redraws them. It comes before all other steps, because after
   * another one the strokes are no longer those of the picture, and only where a picture has strokes.
   */
  readonly needsStrokes?: boolean;
}

/**
 * Makes changed copies of pictures. A copy depends on the picture, the random numbers and the parameters alone, so that it
 * can be made again on any machine and thread.
 */
export interface AugmenterInstance<Parameters = Readonly<Record<string, unknown>>> {
  /**
   * Writes the changed picture into `target`, which has the shape of `source` and any content, and draws its random
   * values from `random` only. Gives the values drawn.
   */
  apply(
    source: ImageView,
    target: ImageView,
    random: Random,
    parameters: Parameters,
    partner?: ImageView,
  ): DrawnValues;
}

/** An augmenter whose `apply` is a pure function. */
export interface Augmenter<Parameters = Readonly<Record<string, unknown>>>
  extends AugmenterDescription<Parameters>,
    AugmenterInstance<Parameters> {}

/**
 * An augmenter that works in scratch memory. Each pipeline creates its own instance, so that no two share the memory.
 *
 * @example
 * export const plugin: AugmenterFactory<Parameters> = { name: 'blur', ..., create: () => new Blur() };
 */
export interface AugmenterFactory<Parameters = Readonly<Record<string, unknown>>>
  extends AugmenterDescription<Parameters> {
  create(): AugmenterInstance<Parameters>;
}

/** A network by name, with the recipe to train it by. */
export interface Preset {
  readonly name: string;
  readonly description: string;
  /** The layers, first to last, as `model.layers` of the configuration takes them. */
  readonly layers: readonly LayerInput[];
  /** Settings of `train` that take the place of their defaults. */
  readonly train?: Readonly<Record<string, unknown>>;
}

/** What each kind of plugin module exports as `plugin`. */
export interface PluginKinds {
  'training-engine': TrainingEngine;
  'serving-backend': ServingBackend;
  augmenter: Augmenter | AugmenterFactory;
  reader: Reader;
  preset: Preset;
}
export type PluginKind = keyof PluginKinds;

export const PLUGIN_KINDS: readonly PluginKind[] = [
  'augmenter',
  'serving-backend',
  'training-engine',
  'reader',
  'preset',
];

/**
 * How a plugin registers: data only, so that it passes to worker processes and costs nothing until it is used.
 *
 * @example
 * { name: 'onnx', apiVersion: 1, kind: 'serving-backend', module: import.meta.resolve('./serving-backend.js') }
 */
export interface PluginEntry {
  readonly name: string;
  readonly apiVersion: number;
  readonly kind: PluginKind;
  /** A file URL or package name; the module exports `plugin`. */
  readonly module: string;
  /** The package that it comes from; none for what is in the box. */
  readonly package?: PluginOrigin;
  /** Whether it was tried in a thread of its own, and may be let in; see `try-plugin.ts`. */
  readonly isTried?: boolean;
}

/** The package of a plugin. */
export interface PluginOrigin {
  readonly name: string;
  readonly version: string;
}
