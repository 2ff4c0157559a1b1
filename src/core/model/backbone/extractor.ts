import { cutModel } from '../onnx/cut-model.js';
import {
  ELEMENT_TYPES,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  onnxAttribute,
  tensorOf,
  valueInfo,
} from '../onnx/format.js';
import type { ImageShape } from '../spec.js';
import type { UsableBackbone } from './inspect-backbone.js';

/** What stands before each name of the backbone, so that the names of others differ from them. */
const PREFIX = 'backbone/';

/** The name of the features, [N, length], in a model that {@link joinHead} made. */
const FEATURES = 'features';

/**
 * A model that gives features of pictures as they are in a data set: `images` uint8 [N, H, W, C] -> `probabilities`
 * float32 [N, length]. It is called as the output of a classifier is, so that any serving backend computes it.
 *
 * @param pictures of 1 channel are shown to a backbone of 3 as grey
 */
export function buildExtractor(backbone: OnnxModel, use: UsableBackbone, pictures: ImageShape): OnnxModel {
  const graph = emptyGraph();
  const { height, width, channels } = pictures;
  graph.input.push(valueInfo('images', 'uint8', ['N', height, width, channels]));
  addNormalization(graph, use);
  addBackbone(graph, backbone, use);
  addPooling(graph, use, 'probabilities');
  return modelOf(backbone, graph, []);
}

/**
 * A classifier of an extractor and a head that was trained on its features: `images` uint8 [N, H, W, C] ->
 * `probabilities` float32 [N, classes].
 *
 * @param head `images` float32 [N, 1, 1, length] -> `probabilities`, of operators that mean the same in every version
 *   from 11 on
 */
export function joinHead(extractor: OnnxModel, head: OnnxModel): OnnxModel {
  const graph = emptyGraph();
  const features = rename(extractor.graph, (name) => (name === 'probabilities' ? FEATURES : name));
  graph.input.push(...features.input);
  const named = rename(head.graph, (name) => (name === 'probabilities' ? name : `head/${name}`));
  graph.initializer.push(...features.initializer, ...named.initializer);
  graph.node.push(...features.node);
  const length = tensorOf('head/shape', 'int64', [4], BigInt64Array.of(-1n, 1n, 1n, lengthOf(head)));
  graph.initializer.push(length);
  graph.node.push(node('Reshape', [FEATURES, length.name], 'head/images'), ...named.node);
  graph.output.push(...named.output);
  return modelOf(extractor, graph, head.metadataProps);
}

/** The extractor of a model that {@link joinHead} made. */
export function extractorOf(model: OnnxModel): OnnxModel {
  const { graph, ...about } = cutModel(model, FEATURES);
  const named = rename(graph, (name) => (name === FEATURES ? 'probabilities' : name));
  return { ...about, metadataProps: [], graph: { ...named, name: 'roble' } };
}

const featuresOutput = (name: string): OnnxGraph['output'][number] => ({
  name,
  type: { tensorType: { elemType: ELEMENT_TYPES.float32 } },
});

function lengthOf({ graph }: OnnxModel): bigint {
  return BigInt(graph.input[0]!.type!.tensorType!.shape!.dim.at(-1)!.dimValue!);
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] extends readonly (infer Item)[] ? Item[] : T[Key] };
type NewGraph = Mutable<Pick<OnnxGraph, 'node' | 'initializer' | 'input' | 'output'>>;

const emptyGraph = (): NewGraph => ({ node: [], initializer: [], input: [], output: [] });

function modelOf(
  { irVersion, opsetImport }: OnnxModel,
  graph: NewGraph,
  metadataProps: OnnxModel['metadataProps'],
): OnnxModel {
  return { irVersion, producerName: 'roble', graph: { name: 'roble', ...graph }, opsetImport, metadataProps };
}

function node(
  opType: string,
  input: readonly string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): OnnxNode {
  return {
    opType,
    input: [...input],
    output: [output],
    name: output,
    attribute: Object.entries(attributes).map(([name, value]) => onnxAttribute(name, value)),
  };
}

/** `images` uint8 [N, H, W, C] -> the input of the backbone. */
function addNormalization(graph: NewGraph, { input, normalization }: UsableBackbone): void {
  const { mean, deviation } = normalization;
  const channel = (values: readonly number[], c: number) => values[values.length === 1 ? 0 : c]!;
  const byChannel = (name: string, value: (c: number) => number) => {
    const values = Float32Array.from({ length: input.channels }, (_, c) => value(c));
    graph.initializer.push(tensorOf(name, 'float32', [input.channels], values));
    return name;
  };
  const scale = byChannel('normalize/scale', (c) => 1 / (255 * channel(deviation, c)));
  const shift = byChannel('normalize/shift', (c) => -channel(mean, c) / channel(deviation, c));
  const isTurned = input.layout === 'NCHW';
  const isFloat = input.type === 'float32';
  const steps: [string, string[], Parameters<typeof node>[3]?][] = [
    ['Cast', [], { to: ELEMENT_TYPES.float32 }],
    // A grey picture becomes one of three channels here.
    ['Mul', [scale]],
    ['Add', [shift]],
    ...(isTurned ? [['Transpose', [], { perm: [0, 3, 1, 2] }] as (typeof steps)[number]] : []),
    ...(isFloat ? [] : [['Cast', [], { to: ELEMENT_TYPES[input.type] }] as (typeof steps)[number]]),
  ];
  let value = 'images';
  for (const [i, [type, others, attributes]] of steps.entries()) {
    const output = i === steps.length - 1 ? PREFIX + input.name : `normalize/${i}`;
    graph.node.push(node(type, [value, ...others], output, attributes));
    value = output;
  }
}

function addBackbone(graph: NewGraph, backbone: OnnxModel, { features }: UsableBackbone): void {
  const named = rename(cutModel(backbone, features.name).graph, (name) => PREFIX + name);
  graph.node.push(...named.node);
  graph.initializer.push(...named.initializer);
}

/** What the backbone gives -> features [N, length], float32; a map, [N, C, h, w], is averaged. */
function addPooling(graph: NewGraph, { features }: UsableBackbone, result: string): void {
  graph.node.push(node('Cast', [PREFIX + features.name], 'pool/cast', { to: ELEMENT_TYPES.float32 }));
  if (features.isMap) graph.node.push(node('GlobalAveragePool', ['pool/cast'], 'pool/mean'));
  graph.node.push(node('Flatten', [features.isMap ? 'pool/mean' : 'pool/cast'], result, { axis: 1 }));
  graph.output.push(featuresOutput(result));
}

/** A graph with other names of its values and nodes; an empty name stands for an input that is left out. */
function rename(graph: OnnxGraph, to: (name: string) => string): OnnxGraph {
  const named = (name: string) => (name === '' ? '' : to(name));
  return {
    ...graph,
    node: graph.node.map((each) => ({
      ...each,
      name: named(each.name),
      input: each.input.map(named),
      output: each.output.map(named),
      ...(each.attribute && {
        attribute: each.attribute.map((attribute) => ({
          ...attribute,
          ...(attribute.g && { g: rename(attribute.g, to) }),
          ...(attribute.graphs && { graphs: attribute.graphs.map((inner) => rename(inner, to)) }),
        })),
      }),
    })),
    initializer: graph.initializer.map((each) => ({ ...each, name: named(each.name) })),
    input: graph.input.map((each) => ({ ...each, name: named(each.name) })),
    output: graph.output.map((each) => ({ ...each, name: named(each.name) })),
  };
}
