import { type Constant, constantOf } from './constant.js';
import {
  ELEMENT_TYPES,
  type ElementType,
  invalidOnnx,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
  readModel,
} from './format.js';

/** The graph of a file that anybody wrote, with its names looked up. */
export interface FileGraph {
  readonly model: OnnxModel;
  /** Version of the standard operators. */
  readonly opset: number;
  /** What has to be given to it: older files list constants among the inputs, these are not here. */
  readonly inputs: readonly FileValue[];
  readonly outputs: readonly FileValue[];
  /** Without those that only hold a constant, in the order of the computation. */
  readonly nodes: readonly FileNode[];
  readonly constants: ReadonlyMap<string, Constant>;
  /** The node that a value comes from. */
  readonly producers: ReadonlyMap<string, FileNode>;
  /** The nodes that take a value, each once. */
  readonly consumers: ReadonlyMap<string, readonly FileNode[]>;
  /** What the file says of values between nodes. */
  readonly declared: ReadonlyMap<string, FileValue>;
}

/** What a file says of a value. */
export interface FileValue {
  readonly name: string;
  /** Undefined: of another type than those that roble knows. */
  readonly type: ElementType | undefined;
  /** A side is a number, a name of one that may be any, or not known; undefined: no sides are known. */
  readonly shape: readonly (number | string | undefined)[] | undefined;
}

export interface FileNode {
  /** Its name in the file, or that of its first output. */
  readonly name: string;
  /** The operator; one that is no standard operator has its domain before it. */
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

const STANDARD_DOMAINS = ['', 'ai.onnx'];

/**
 * Reads a file and checks that its graph can be followed: every value comes from an input, a constant or an earlier node, and
 * every constant has as many numbers as its sides say.
 *
 * @throws {RobleError} `ROBLE_ONNX_INVALID`
 */
export function readGraph(bytes: Uint8Array): FileGraph {
  const model = readModel(bytes);
  const { graph } = model;
  if (model.functions?.length) throw invalidOnnx('it has functions: operators of its own, made of others.');
  if (graph.sparseInitializer?.length) throw invalidOnnx('it has sparse constants.');
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name ?? '', constantOf(tensor)]));
  const inputs = graph.input.map(fileValue).filter(({ name }) => !constants.has(name));
  const known = new Set(['', ...constants.keys(), ...inputs.map(({ name }) => name)]);
  const nodes: FileNode[] = [];
  const producers = new Map<string, FileNode>();
  const consumers = new Map<string, FileNode[]>();
  for (const raw of graph.node) {
    const node = fileNode(raw);
    const missing = node.inputs.find((name) => !known.has(name));
    if (missing !== undefined)
      throw invalidOnnx(`the node "${node.name}" takes "${missing}", which nothing gives.`);
    for (const output of node.outputs) {
      if (output !== '' && known.has(output)) throw invalidOnnx(`the value "${output}" is given twice.`);
      known.add(output);
    }
    const constant = constantNode(node, constants);
    if (constant) constants.set(constant.name, constant);
    else {
      nodes.push(node);
      for (const output of node.outputs) producers.set(output, node);
      for (const input of new Set(node.inputs)) {
        const taken = consumers.get(input);
        if (taken) taken.push(node);
        else consumers.set(input, [node]);
      }
    }
  }
  const outputs = graph.output.map(fileValue);
  const absent = outputs.find(({ name }) => !known.has(name));
  if (absent) throw invalidOnnx(`nothing gives its output "${absent.name}".`);
  const declared = new Map(
    [...(graph.valueInfo ?? []), ...graph.output].map(fileValue).map((value) => [value.name, value]),
  );
  const opset = model.opsetImport.find(({ domain = '' }) => STANDARD_DOMAINS.includes(domain))?.version;
  if (opset === undefined) throw invalidOnnx('it does not say which version of the operators it has.');
  return { model, opset, inputs, outputs, nodes, constants, producers, consumers, declared };
}

function fileNode({ input, output, name, opType = '', domain = '', attribute = [] }: OnnxNode): FileNode {
  return {
    name: name || output[0] || opType,
    operator: STANDARD_DOMAINS.includes(domain) ? opType : `${domain}.${opType}`,
    inputs: input,
    outputs: output,
    attributes: new Map(attribute.map((each) => [each.name ?? '', each])),
  };
}

/**
 * The constant that a node `Constant` holds, or one by another name, as PyTorch writes equal weights; undefined of other nodes,
 * and of texts.
 */
function constantNode(
  { operator, inputs, outputs: [name], attributes }: FileNode,
  known: ReadonlyMap<string, Constant>,
): Constant | undefined {
  if (name === undefined) return undefined;
  const same = operator === 'Identity' ? known.get(inputs[0] ?? '') : undefined;
  if (same) return { ...same, name };
  if (operator !== 'Constant') return undefined;
  const tensor = (dataType: number, dims: number[], numbers: Partial<OnnxTensor>) =>
    constantOf({ name, dims, dataType, ...numbers });
  for (const [kind, { t, f = 0, i = 0, floats = [], ints = [] }] of attributes) {
    if (kind === 'value' && t) return constantOf(t, name);
    if (kind === 'value_float') return tensor(ELEMENT_TYPES.float32, [], { floatData: [f] });
    if (kind === 'value_floats') return tensor(ELEMENT_TYPES.float32, [floats.length], { floatData: floats });
    if (kind === 'value_int') return tensor(ELEMENT_TYPES.int64, [], { int64Data: [i] });
    if (kind === 'value_ints') return tensor(ELEMENT_TYPES.int64, [ints.length], { int64Data: ints });
  }
  return undefined;
}

const TYPE_NAMES = new Map<number, ElementType>(
  Object.entries(ELEMENT_TYPES).map(([name, number]) => [number, name as ElementType]),
);

function fileValue({ name = '', type }: OnnxValueInfo): FileValue {
  const tensor = type?.tensorType;
  return {
    name,
    type: TYPE_NAMES.get(tensor?.elemType ?? 0),
    // A side of 0 is how some writers say "any".
    shape: tensor?.shape?.dim.map(
      ({ dimValue, dimParam }) => dimParam || (dimValue && dimValue > 0 ? dimValue : undefined),
    ),
  };
}

/** An attribute that is one integer. */
export function intOf({ attributes }: FileNode, name: string, byDefault: number): number {
  const attribute = attributes.get(name);
  return attribute ? (attribute.i ?? 0) : byDefault;
}

/** An attribute that is one float. */
export function floatOf({ attributes }: FileNode, name: string, byDefault: number): number {
  const attribute = attributes.get(name);
  return attribute ? (attribute.f ?? 0) : byDefault;
}

/** An attribute that is a list of integers. */
export function intsOf({ attributes }: FileNode, name: string): readonly number[] | undefined {
  return attributes.get(name)?.ints;
}

/** An attribute that is a text. */
export function textOf({ attributes }: FileNode, name: string, byDefault: string): string {
  const bytes = attributes.get(name)?.s;
  return bytes ? Buffer.from(bytes).toString('utf8') : byDefault;
}
