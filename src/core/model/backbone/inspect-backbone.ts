import { RobleError } from '../../base/errors.js';
import { sha256 } from '../../base/storage/durable.js';
import { examples } from '../../base/text/text.js';
import { type FileGraph, type FileNode, type FileValue, readGraph } from '../onnx/file-graph.js';
import { inferShapes } from '../onnx/shapes.js';
import {
  AXES,
  beginningOf,
  declaredNormalization,
  expectedRange,
  type Layout,
  type Normalization,
  type NormalizationChoice,
  normalizationOf,
} from './normalization.js';

/** What somebody says of a file, where it does not say it itself. */
export interface BackboneOverrides {
  readonly layout?: Layout | undefined;
  /** Sides of the pictures, for a network that takes any. */
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  readonly normalization?: NormalizationChoice | undefined;
  /** The value that is the features: an output, or any value between two nodes. */
  readonly output?: string | undefined;
}

export interface BackboneInput {
  readonly name: string;
  readonly type: 'float32' | 'float16' | 'uint8';
  readonly layout: Layout;
  /** What the file fixes, or somebody asks for; {@link DEFAULT_SIDE} where any is right and nobody asks for one. */
  readonly height: number;
  readonly width: number;
  /** 1 (grey) or 3 (red, green, blue). */
  readonly channels: number;
  /** Which sides may be any. A batch that may not is of `batch` pictures. */
  readonly dynamic: { readonly batch: boolean; readonly height: boolean; readonly width: boolean };
  readonly batch: number;
}

/** The vector that a head is trained on. */
export interface BackboneFeatures {
  /** The value's name in the graph. */
  readonly name: string;
  /** Why it is that one. */
  readonly from: 'the only output' | 'what the classifier takes' | 'as asked';
  /** How many numbers a picture has; undefined until the model has been run, where its operators are not all known. */
  readonly size: number | undefined;
  /** Of one picture. A value of more than one side is averaged over height and width. */
  readonly shape: readonly number[] | undefined;
  /** Whether it has to be averaged over its last two sides. */
  readonly isMap: boolean;
}

export interface BackboneDescription {
  readonly sha256: string;
  readonly bytes: number;
  readonly producer: string;
  /** Version of the standard operators. */
  readonly opset: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputs: readonly FileValue[];
  readonly outputs: readonly (FileValue & {
    /** As computed for one picture, or for as many as the batch is fixed to; undefined where an operator is not known. */
    readonly computed: readonly number[] | undefined;
  })[];
  /** Most frequent first. */
  readonly operators: readonly { readonly name: string; readonly count: number }[];
  /** Numbers in constants of floats. */
  readonly parameters: number;
  /** Undefined where there is a problem. */
  readonly input: BackboneInput | undefined;
  readonly normalization: (Normalization & { readonly from: 'asked' | 'metadata' | 'graph' }) | undefined;
  readonly features: BackboneFeatures | undefined;
  /** Why it cannot be used as it is; each with what can be said to mend it. */
  readonly problems: readonly BackboneProblem[];
}

export interface BackboneProblem {
  readonly path: 'input' | 'normalization' | 'features';
  readonly message: string;
  readonly suggestion?: string;
}

/** A description without problems. */
export type UsableBackbone = BackboneDescription & {
  readonly input: BackboneInput;
  readonly normalization: Normalization;
  readonly features: BackboneFeatures;
};

/** Side of the pictures for a network that takes any: what ImageNet's networks are trained with. */
export const DEFAULT_SIDE = 224;

/** A batch of this many tells its side from others, where it may be any. */
const PROBED_BATCH = 2;

/**
 * What an ONNX file is as a backbone: a network from pictures to vectors of features. Nothing is computed with it.
 *
 * @throws {RobleError} `ROBLE_ONNX_INVALID`, and `ROBLE_USAGE` where the overrides contradict the file
 *
 * @example
 * const { input, features, problems } = inspectBackbone(await readFile('resnet18.onnx'), { normalization: 'imagenet' });
 */
export function inspectBackbone(bytes: Uint8Array, overrides: BackboneOverrides = {}): BackboneDescription {
  const graph = readGraph(bytes);
  const problems: BackboneProblem[] = [];
  /** The part, or undefined with its problem noted. */
  const part = <T>(find: () => T): T | undefined => {
    try {
      return find();
    } catch (error) {
      if (!(error instanceof Unclear)) throw error;
      problems.push(error.problem);
      return undefined;
    }
  };
  const metadata = new Map(graph.model.metadataProps.map(({ key = '', value = '' }) => [key, value]));
  const input = part(() => inputOf(graph, overrides));
  const shapes = inferShapes(graph, new Map(input ? [[input.name, sidesOf(input)]] : []));
  const counts = new Map<string, number>();
  for (const { operator } of graph.nodes) counts.set(operator, (counts.get(operator) ?? 0) + 1);
  const { producerName = '', producerVersion = '' } = graph.model;
  return {
    sha256: sha256(bytes),
    bytes: bytes.length,
    producer: [producerName, producerVersion].filter(Boolean).join(' '),
    opset: graph.opset,
    metadata: Object.fromEntries(metadata),
    inputs: graph.inputs,
    outputs: graph.outputs.map((output) => ({ ...output, computed: shapes.get(output.name)?.shape })),
    operators: [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count),
    parameters: [...graph.constants.values()].reduce(
      (sum, { kind, count }) => sum + (kind === 'float' ? count : 0),
      0,
    ),
    input,
    normalization: input && part(() => normalizationFor(graph, input, metadata, overrides)),
    features: input && part(() => featuresOf(graph, input, shapes, overrides)),
    problems,
  };
}

/**
 * The description, once it has been found to have no problems.
 *
 * @throws {RobleError} `ROBLE_BACKBONE_INVALID` with all of them
 */
export function usableBackbone(description: BackboneDescription, file: string): UsableBackbone {
  if (description.problems.length === 0) return description as UsableBackbone;
  throw new RobleError('ROBLE_BACKBONE_INVALID', `${file} cannot be used as a backbone as it is.`, {
    problems: description.problems,
    nextSteps: [`"roble model:inspect ${file}" shows what is in it.`],
  });
}

/** A batch of one picture, or as many as the file fixes. */
export function sidesOf({ layout, height, width, channels, batch, dynamic }: BackboneInput): number[] {
  const count = dynamic.batch ? PROBED_BATCH : batch;
  return layout === 'NCHW' ? [count, channels, height, width] : [count, height, width, channels];
}

/** What is to be said before the file can be used. */
class Unclear extends Error {
  readonly problem: BackboneProblem;

  constructor(problem: BackboneProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

const shown = ({ name, type, shape }: FileValue) =>
  `${name} (${type ?? 'of another type'} [${shape?.map((side) => side ?? '?').join(', ') ?? 'any sides'}])`;

function inputOf(graph: FileGraph, overrides: BackboneOverrides): BackboneInput {
  const unclear = (message: string, suggestion?: string) =>
    new Unclear({ path: 'input', message, ...(suggestion !== undefined && { suggestion }) });
  const [first, ...others] = graph.inputs;
  if (!first || others.length > 0)
    throw unclear(
      `It has ${graph.inputs.length === 0 ? 'no input' : `${graph.inputs.length} inputs: ${examples(graph.inputs.map(shown), 8)}`}; a backbone has one, the pictures.`,
      'Export the part of the network that takes pictures alone.',
    );
  const { name, type, shape } = first;
  if (type !== 'float32' && type !== 'float16' && type !== 'uint8')
    throw unclear(`Its input is ${shown(first)}, and no pictures of float32, float16 or uint8.`);
  if (shape && shape.length !== 4)
    throw unclear(
      `Its input is ${shown(first)}: pictures have four sides, [N, channels, height, width] or [N, height, width, channels].`,
    );
  const layout = overrides.layout ?? layoutOf(graph, first);
  if (!layout)
    throw unclear(
      `Neither the sides of its input, ${shown(first)}, nor its first nodes say where the channels are.`,
      'Say it: --layout NCHW (as PyTorch has it) or --layout NHWC (TensorFlow).',
    );
  const at = (side: 'channels' | 'height' | 'width') => shape?.[AXES[layout][side]];
  const said = at('channels');
  const channels = typeof said === 'number' ? said : firstChannels(graph, name);
  if (channels !== 1 && channels !== 3)
    throw unclear(
      `Its input, ${shown(first)}, has ${channels ?? 'an unknown number of'} channels in the order ${layout}.`,
      'roble has pictures of 1 (grey) or 3 channels (red, green, blue). Say --layout if it is another order.',
    );
  const side = (which: 'height' | 'width') => {
    const [fixed, asked] = [at(which), overrides[which]];
    if (typeof fixed === 'number' && asked !== undefined && asked !== fixed)
      throw new RobleError('ROBLE_USAGE', `The network takes pictures of one ${which} only.`, {
        received: `${asked}`,
        expected: `${fixed}`,
      });
    return {
      value: typeof fixed === 'number' ? fixed : (asked ?? DEFAULT_SIDE),
      isAny: typeof fixed !== 'number',
    };
  };
  const [height, width, batch] = [side('height'), side('width'), shape?.[0]];
  const isAnyBatch = typeof batch !== 'number';
  return {
    name,
    type,
    layout,
    height: height.value,
    width: width.value,
    channels,
    batch: isAnyBatch ? 1 : batch,
    dynamic: { batch: isAnyBatch, height: height.isAny, width: width.isAny },
  };
}

/** By the sides where one of them is 1 or 3, else by the first node that knows where channels are. */
function layoutOf(graph: FileGraph, { name, shape }: FileValue): Layout | undefined {
  const isChannels = (side: unknown) => side === 1 || side === 3;
  if (shape && isChannels(shape[1]) !== isChannels(shape[3])) return isChannels(shape[1]) ? 'NCHW' : 'NHWC';
  for (const layout of ['NCHW', 'NHWC'] as const) {
    const { next } = beginningOf(graph, name, AXES[layout].channels);
    if (next.some(({ operator }) => operator === 'Conv')) return 'NCHW';
    const order = next.find(({ operator }) => operator === 'Transpose')?.attributes.get('perm')?.ints;
    if (order?.join() === '0,3,1,2') return 'NHWC';
  }
  return undefined;
}

/** Channels that the first convolution takes, where the sides of the input do not say it. */
function firstChannels(graph: FileGraph, input: string): number | undefined {
  const { next } = beginningOf(graph, input, 1);
  const convolution = next.find(({ operator }) => operator === 'Conv');
  return graph.constants.get(convolution?.inputs[1] ?? '')?.dims[1];
}

function normalizationFor(
  graph: FileGraph,
  { name, layout, channels, type }: BackboneInput,
  metadata: ReadonlyMap<string, string>,
  overrides: BackboneOverrides,
): BackboneDescription['normalization'] {
  const colours = metadata.get('Image.BitmapPixelFormat');
  if (colours?.startsWith('Bgr'))
    throw new Unclear({
      path: 'input',
      message: `Its metadata says that it takes blue, green, red (${colours}); roble gives red, green, blue.`,
      suggestion: 'Turn the channels of its first convolution round, or export it for RGB.',
    });
  if (overrides.normalization !== undefined)
    return { ...normalizationOf(overrides.normalization, channels), from: 'asked' };
  const declared = declaredNormalization(metadata);
  if (declared !== undefined) return { ...normalizationOf(declared, channels), from: 'metadata' };
  const { affine, steps } = beginningOf(graph, name, AXES[layout].channels);
  if (steps > 0) return { ...normalizationOf(expectedRange(affine), channels), from: 'graph' };
  if (type === 'uint8') return { ...normalizationOf('none', channels), from: 'graph' };
  throw new Unclear({
    path: 'normalization',
    message: 'Neither its metadata nor its first nodes say how the values of pictures are to be scaled.',
    suggestion:
      'Say it: --normalization imagenet (most networks trained with PyTorch), 0..1, -1..1, none (0..255), or --mean and --deviation.',
  });
}

function featuresOf(
  graph: FileGraph,
  input: BackboneInput,
  shapes: ReturnType<typeof inferShapes>,
  { output: asked }: BackboneOverrides,
): BackboneFeatures {
  const unclear = (message: string) =>
    new Unclear({
      path: 'features',
      message: `${message} Outputs: ${examples(graph.outputs.map(shown), 12) || 'none'}.`,
      suggestion:
        'Say which value is the features: --output NAME (an output, or any value between two nodes).',
    });
  if (asked !== undefined && !graph.producers.has(asked)) throw unclear(`No node gives a value "${asked}".`);
  const [first, ...others] = graph.outputs;
  if (asked === undefined && (!first || others.length > 0))
    throw unclear(`It has ${graph.outputs.length} outputs.`);
  const vector = asked === undefined ? beforeClassifier(graph, first!.name, shapes) : undefined;
  const name = asked ?? vector ?? first!.name;
  const from =
    asked !== undefined ? 'as asked' : vector !== undefined ? 'what the classifier takes' : 'the only output';
  const computed = shapes.get(name)?.shape;
  const declared = graph.declared.get(name)?.shape;
  // What the file says of a side stands in where an operator is not known.
  const sides = computed ?? declared;
  if (!sides) return { name, from, size: undefined, shape: undefined, isMap: false };
  const isMap = sides.length === 4;
  if (sides.length !== 2 && !isMap)
    throw unclear(
      `The value "${name}" has the sides [${sides.map((side) => side ?? '?').join(', ')}]: features are vectors [N, features], or maps [N, channels, height, width] that are averaged.`,
    );
  if (computed && computed[0] !== (input.dynamic.batch ? PROBED_BATCH : input.batch))
    throw unclear(
      `The value "${name}" does not have a vector for each picture: [${computed.join(', ')}] of ${input.dynamic.batch ? PROBED_BATCH : input.batch} pictures.`,
    );
  const size = sides[1];
  const shape = sides.slice(1).flatMap((side) => (typeof side === 'number' ? [side] : []));
  return {
    name,
    from,
    size: typeof size === 'number' ? size : undefined,
    shape: shape.length === sides.length - 1 ? shape : undefined,
    isMap,
  };
}

/** Operators behind a classifier's last product that change no order of its outputs. */
const ANSWERS = ['Softmax', 'LogSoftmax', 'Sigmoid', 'Identity', 'Cast'];

/** The vector that the last product of a classifier takes; undefined where the output is no product of a vector. */
function beforeClassifier(
  { producers, constants }: FileGraph,
  output: string,
  shapes: ReturnType<typeof inferShapes>,
): string | undefined {
  const isConstant = (name = '') => constants.has(name);
  let node: FileNode | undefined = producers.get(output);
  while (node && ANSWERS.includes(node.operator)) node = producers.get(node.inputs[0] ?? '');
  if (node?.operator === 'Add') {
    const product = node.inputs.find((name) => !isConstant(name));
    node = node.inputs.some(isConstant) ? producers.get(product ?? '') : undefined;
  }
  const [vector, weight] = node?.inputs ?? [];
  if (node?.operator !== 'Gemm' && node?.operator !== 'MatMul') return undefined;
  if (vector === undefined || !producers.has(vector) || !isConstant(weight)) return undefined;
  const shape = shapes.get(vector)?.shape;
  return shape === undefined || shape.length === 2 ? vector : undefined;
}
