import { type Preprocessing, preprocessingSchema } from '../../src/core/image/settings.js';
import type { AnswerProfile } from '../../src/core/model/answer-profile.js';
import { writeBundle } from '../../src/core/model/bundle.js';
import { GraphBuilder } from '../../src/engine-kit/onnx/graph.js';
import { loadRuntime } from '../../src/engine-kit/onnx/runtime.js';

export const TINY_CLASSES = ['top-left', 'top-right', 'bottom-left', 'bottom-right'];
export const TINY_SIDE = 8;
const SIZE = TINY_SIDE * TINY_SIDE;

export interface TinyBundleOptions {
  readonly name?: string;
  /** What the quarters are called, instead of {@link TINY_CLASSES}. */
  readonly classes?: readonly string[];
  /** So many multiplications of large matrices are added, to be slow. */
  readonly work?: number;
  /** What differs from the usual preprocessing. */
  readonly preprocessing?: Partial<Preprocessing>;
  /** Other bytes than those of the classifier. */
  readonly onnx?: Uint8Array;
  readonly profile?: AnswerProfile;
  /** Makes another golden answer of the right one. */
  readonly golden?: (probability: number) => number;
}

/**
 * A real classifier, small enough to reason about: it says in which quarter of a grey 8x8 picture the light is. The
 * golden answers are those of the runtime itself. Gives the folder.
 */
export async function tinyBundle(folder: string, options: TinyBundleOptions = {}): Promise<string> {
  const { name = 'quarters', classes = TINY_CLASSES, work = 0, preprocessing } = options;
  const { golden = (probability) => probability } = options;
  const onnx = quarterClassifier(work);
  const images = Uint8Array.from({ length: 4 * SIZE }, (_, i) => 2 * ((i * 37) % 128));
  await writeBundle(folder, {
    manifest: {
      name,
      classes: [...classes],
      preprocessing: preprocessingSchema.parse({ width: TINY_SIDE, height: TINY_SIDE, ...preprocessing }),
      architecture: [{ type: 'flatten' }, { type: 'dense', units: 'classes', bias: false }],
      training: { epoch: 1, step: 1, metrics: {}, dataFingerprint: '0'.repeat(64), engine: 'onnx' },
      ...(options.profile && { profile: options.profile }),
    },
    onnx: options.onnx ?? onnx,
    weights: { 'dense1.weight': { shape: [SIZE, 4], data: QUARTER_WEIGHTS } },
    golden: { count: 4, images, probabilities: (await run(onnx, images, 4)).map(golden) },
  });
  return folder;
}

/** An 8x8 picture with light in one quarter, as the pixels of the model. */
export function quarterPixels(quarter: number, light = 255): number[] {
  return Array.from({ length: SIZE }, (_, i) => (quarterOf(i) === quarter ? light : 0));
}

/** The same as a PNG. */
export async function quarterPng(quarter: number, light = 255): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  const raw = { width: TINY_SIDE, height: TINY_SIDE, channels: 1 } as const;
  return sharp(Uint8Array.from(quarterPixels(quarter, light)), { raw })
    .png()
    .toBuffer();
}

const QUARTER_WEIGHTS = Float32Array.from({ length: SIZE * 4 }, (_, i) =>
  quarterOf(Math.floor(i / 4)) === i % 4 ? 0.25 : 0,
);

function quarterOf(pixel: number): number {
  const half = TINY_SIDE / 2;
  return (Math.floor(pixel / TINY_SIDE) < half ? 0 : 2) + (pixel % TINY_SIDE < half ? 0 : 1);
}

function quarterClassifier(work: number): Uint8Array {
  const graph = new GraphBuilder();
  const images = graph.input('images', 'uint8', ['N', TINY_SIDE, TINY_SIDE, 1]);
  const scaled = graph.op('Mul', [graph.op('Cast', [images], { to: 1 }), graph.float(1 / 255)]);
  let flat = graph.reshape(scaled, [-1, SIZE]);
  if (work > 0) {
    // Multiplying by the identity, padded with zeros, costs time and changes nothing.
    const side = 1024;
    const widen = graph.tensor('widen', [SIZE, side], () => identity(SIZE, side));
    const keep = graph.tensor('keep', [side, side], () => identity(side, side));
    flat = graph.op('MatMul', [flat, widen]);
    for (let i = 0; i < work; i++) flat = graph.op('MatMul', [flat, keep]);
    flat = graph.op('MatMul', [flat, graph.tensor('narrow', [side, SIZE], () => identity(side, SIZE))]);
  }
  const logits = graph.op('Gemm', [flat, graph.tensor('weight', [SIZE, 4], () => QUARTER_WEIGHTS)]);
  graph.output(graph.op('Softmax', [logits], { axis: 1 }), 'probabilities', 'float32', ['N', 4]);
  return graph.encode();
}

function identity(rows: number, columns: number): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) =>
    Math.floor(i / columns) === i % columns ? 1 : 0,
  );
}

async function run(onnx: Uint8Array, images: Uint8Array, count: number): Promise<Float32Array> {
  const { InferenceSession, Tensor } = await loadRuntime();
  const session = await InferenceSession.create(onnx, { intraOpNumThreads: 1 });
  const feeds = { images: new Tensor('uint8', images, [count, TINY_SIDE, TINY_SIDE, 1]) };
  const probabilities = (await session.run(feeds)).probabilities!.data as Float32Array;
  await session.release();
  return Float32Array.from(probabilities);
}
