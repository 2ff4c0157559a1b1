import { type FileGraph, type FileNode, floatOf, intOf, intsOf, textOf } from './file-graph.js';
import { ELEMENT_TYPES } from './format.js';

/** What is known of a value before it is computed. */
export interface KnownValue {
  readonly shape: readonly number[];
  /** Of what is computed with shapes, the numbers themselves, row by row. */
  readonly numbers?: readonly number[];
  /** Of such numbers: whether they are floats, which are not cut when they are divided. */
  readonly isFloat?: boolean;
}

type Known = KnownValue | undefined;
/** The outputs of a node, by its inputs; those that were left out, and those of which nothing is known, are undefined. */
type Rule = (node: FileNode, inputs: readonly Known[]) => readonly Known[];

/** Numbers of this many places are followed: shapes are short. */
const MAX_NUMBERS = 64;
const MAX_RANK = 16;
const FLOATS: readonly number[] = [ELEMENT_TYPES.float32, ELEMENT_TYPES.float64, ELEMENT_TYPES.float16];

/**
 * The shapes of all values that follow from those of the inputs, by the definitions of the standard operators that networks
 * for pictures have (github.com/onnx/onnx, docs/Operators.md). What other operators give is not known.
 *
 * @param given the sides of each input
 */
export function inferShapes(
  { nodes, constants }: FileGraph,
  given: ReadonlyMap<string, readonly number[]>,
): Map<string, KnownValue> {
  const known = new Map<string, KnownValue>();
  for (const [name, shape] of given) known.set(name, { shape });
  for (const [name, constant] of constants) {
    const { dims: shape, kind } = constant;
    const numbers =
      kind && isSmall(shape) ? (kind === 'float' ? [...constant.floats()] : constant.integers()) : undefined;
    known.set(name, { shape, ...(numbers && { numbers, isFloat: kind === 'float' }) });
  }
  for (const node of nodes) {
    const inputs = node.inputs.map((name) => known.get(name));
    const outputs = RULES.get(node.operator)?.(node, inputs) ?? [];
    for (const [i, output] of outputs.entries())
      if (output && isShape(output.shape)) known.set(node.outputs[i]!, output);
  }
  return known;
}

function isShape(shape: readonly number[]): boolean {
  return shape.length <= MAX_RANK && shape.every((side) => Number.isSafeInteger(side) && side >= 0);
}

/** Whether the numbers of such a value are followed. */
function isSmall(shape: readonly number[]): boolean {
  return shape.length <= 2 && product(shape) <= MAX_NUMBERS;
}

/** The numbers of a value in a new shape, where they are followed. */
function kept({ numbers, isFloat = false }: KnownValue, shape: readonly number[]): KnownValue {
  return { shape, ...(numbers && shape.length <= 2 && { numbers, isFloat }) };
}

const product = (sides: readonly number[]) => sides.reduce((a, b) => a * b, 1);
const only = (shape: readonly number[] | undefined): Known[] => [shape && { shape }];

/** An axis that counts from the end where it is negative; undefined outside the sides. */
function axisIn(rank: number, axis: number): number | undefined {
  const counted = axis < 0 ? axis + rank : axis;
  return counted >= 0 && counted < rank ? counted : undefined;
}

const same: Rule = (_, [x]) => [x && { shape: x.shape }];
/** The same, of numbers too. */
const through: Rule = (_, [x]) => [x];

/** The sides that several have when those of 1 are repeated. */
function broadcast(shapes: readonly (readonly number[])[]): readonly number[] | undefined {
  const rank = Math.max(...shapes.map(({ length }) => length));
  const sides: number[] = [];
  for (let i = 1; i <= rank; i++) {
    const found = new Set(shapes.flatMap((shape) => shape[shape.length - i] ?? []));
    found.delete(1);
    if (found.size > 1) return undefined;
    sides.unshift([...found][0] ?? 1);
  }
  return sides;
}

/** Operators on each number, such as sums; of shapes, with the numbers. */
function elementwise(compute?: (numbers: readonly number[], isFloat: boolean) => number): Rule {
  return (_, inputs) => {
    if (inputs.length === 0 || inputs.some((input) => !input)) return [];
    const all = inputs as readonly KnownValue[];
    const shape = broadcast(all.map((input) => input.shape));
    if (!shape) return [];
    // Numbers of one side are enough: nothing is repeated but a single one.
    const isOne = shape.length < 2 && product(shape) <= MAX_NUMBERS && all.every(({ numbers }) => numbers);
    if (!compute || !isOne) return only(shape);
    const isFloat = all.some((input) => input.isFloat);
    const at = ({ numbers = [] }: KnownValue, i: number) => numbers[numbers.length === 1 ? 0 : i]!;
    const numbers = Array.from({ length: product(shape) }, (_, i) =>
      compute(
        all.map((input) => at(input, i)),
        isFloat,
      ),
    );
    return [{ shape, numbers, isFloat }];
  };
}

/** An operator on one value that changes each number by itself. */
function each(compute: (number: number, inputs: readonly Known[], node: FileNode) => number): Rule {
  return (node, inputs) => {
    const [x] = inputs;
    if (!x) return [];
    return [
      { ...x, ...(x.numbers && { numbers: x.numbers.map((number) => compute(number, inputs, node)) }) },
    ];
  };
}

function clip(number: number, [, low, high]: readonly Known[], node: FileNode): number {
  const least = low?.numbers?.[0] ?? floatOf(node, 'min', Number.NEGATIVE_INFINITY);
  return Math.min(
    Math.max(number, least),
    high?.numbers?.[0] ?? floatOf(node, 'max', Number.POSITIVE_INFINITY),
  );
}

const cast: Rule = (node, [x]) => {
  if (!x) return [];
  const isFloat = FLOATS.includes(intOf(node, 'to', 0));
  return [
    {
      shape: x.shape,
      ...(x.numbers && { numbers: isFloat ? x.numbers : x.numbers.map(Math.trunc), isFloat }),
    },
  ];
};

/** Kernels that move over the sides after the first two. */
function windows(node: FileNode, sides: readonly number[], kernel: readonly number[]): number[] {
  const [strides, dilations, pads] = ['strides', 'dilations', 'pads'].map((name) => intsOf(node, name) ?? []);
  const auto = textOf(node, 'auto_pad', 'NOTSET');
  return sides.map((side, i) => {
    const [stride, reach] = [strides![i] ?? 1, (kernel[i]! - 1) * (dilations![i] ?? 1) + 1];
    if (auto.startsWith('SAME')) return Math.ceil(side / stride);
    const padding = auto === 'VALID' ? 0 : (pads![i] ?? 0) + (pads![i + sides.length] ?? 0);
    const steps = (side + padding - reach) / stride;
    return (intOf(node, 'ceil_mode', 0) === 1 ? Math.ceil(steps) : Math.floor(steps)) + 1;
  });
}

const convolution: Rule = (node, [x, weight]) => {
  if (!x || !weight || x.shape.length !== weight.shape.length) return [];
  const [batch, , ...sides] = x.shape;
  return only([batch!, weight.shape[0]!, ...windows(node, sides, weight.shape.slice(2))]);
};

const pooling: Rule = (node, [x]) => {
  const kernel = intsOf(node, 'kernel_shape');
  if (!x || kernel?.length !== x.shape.length - 2) return [];
  const [batch, channels, ...sides] = x.shape;
  return only([batch!, channels!, ...windows(node, sides, kernel)]);
};

const globalPooling: Rule = (_, [x]) => only(x && [...x.shape.slice(0, 2), ...x.shape.slice(2).map(() => 1)]);

/** Axes are an attribute in older operator sets, and an input in newer ones. */
function axesOf(node: FileNode, input: Known): readonly number[] | undefined {
  return input?.numbers ?? intsOf(node, 'axes');
}

const reduction: Rule = (node, [x, axes]) => {
  if (!x || (node.inputs[1] && !axes?.numbers)) return [];
  const rank = x.shape.length;
  const all = axesOf(node, axes) ?? [];
  if (all.length === 0 && intOf(node, 'noop_with_empty_axes', 0) === 1) return only(x.shape);
  const gone = new Set(all.length === 0 ? x.shape.keys() : all.map((axis) => axisIn(rank, axis)));
  const keeps = intOf(node, 'keepdims', 1) === 1;
  return only(x.shape.flatMap((side, i) => (gone.has(i) ? (keeps ? [1] : []) : [side])));
};

const matrixProduct: Rule = (_, [a, b]) => {
  if (!a || !b || a.shape.length < 2 || b.shape.length < 2) return [];
  const shared = broadcast([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  return only(shared && [...shared, a.shape.at(-2)!, b.shape.at(-1)!]);
};

const gemm: Rule = (node, [a, b]) => {
  if (a?.shape.length !== 2 || b?.shape.length !== 2) return [];
  return only([a.shape[intOf(node, 'transA', 0) ? 1 : 0]!, b.shape[intOf(node, 'transB', 0) ? 0 : 1]!]);
};

const reshape: Rule = (node, [x, wanted]) => {
  if (!x || !wanted?.numbers) return [];
  const keepsZero = intOf(node, 'allowzero', 0) === 1;
  const sides = wanted.numbers.map((side, i) => (side === 0 && !keepsZero ? (x.shape[i] ?? 0) : side));
  const rest = product(x.shape) / product(sides.filter((side) => side !== -1));
  const shape = sides.map((side) => (side === -1 ? rest : side));
  if (product(shape) !== product(x.shape)) return [];
  return [kept(x, shape)];
};

const flatten: Rule = (node, [x]) => {
  if (!x) return [];
  const axis = intOf(node, 'axis', 1);
  const at = axis < 0 ? axis + x.shape.length : axis;
  return only([product(x.shape.slice(0, at)), product(x.shape.slice(at))]);
};

const squeeze: Rule = (node, [x, given]) => {
  if (!x) return [];
  const axes = axesOf(node, given)?.map((axis) => axisIn(x.shape.length, axis));
  const shape = x.shape.filter((side, i) => (axes ? !axes.includes(i) : side !== 1));
  return [kept(x, shape)];
};

const unsqueeze: Rule = (node, [x, given]) => {
  const axes = axesOf(node, given);
  if (!x || !axes) return [];
  const rank = x.shape.length + axes.length;
  const added = new Set(axes.map((axis) => axisIn(rank, axis)));
  const rest = [...x.shape];
  const shape = Array.from({ length: Math.min(rank, MAX_NUMBERS) }, (_, i) =>
    added.has(i) ? 1 : (rest.shift() ?? 1),
  );
  return [kept(x, shape)];
};

const transpose: Rule = (node, [x]) => {
  if (!x) return [];
  const order = intsOf(node, 'perm') ?? [...x.shape.keys()].reverse();
  if (order.length !== x.shape.length) return [];
  const shape = order.map((axis) => x.shape[axis] ?? Number.NaN);
  const { numbers, isFloat = false } = x;
  if (!numbers || order.join() !== '1,0') return only(shape);
  const [rows = 0, columns = 0] = shape;
  const turned = Array.from(
    { length: rows * columns },
    (_, i) => numbers[(i % columns) * rows + Math.floor(i / columns)]!,
  );
  return [{ shape, numbers: turned, isFloat }];
};

const concat: Rule = (node, inputs) => {
  if (inputs.length === 0 || inputs.some((input) => !input)) return [];
  const all = inputs as readonly KnownValue[];
  const { shape: first } = all[0]!;
  const axis = axisIn(first.length, intOf(node, 'axis', 0));
  if (axis === undefined) return [];
  const total = all.reduce((sum, { shape }) => sum + (shape[axis] ?? Number.NaN), 0);
  const shape = first.map((side, i) => (i === axis ? total : side));
  const numbers = all.flatMap((input) => input.numbers ?? []);
  if (first.length !== 1 || numbers.length !== total || total > MAX_NUMBERS) return only(shape);
  return [{ shape, numbers, isFloat: all.some((input) => input.isFloat) }];
};

const split: Rule = (node, [x, given]) => {
  const axis = x && axisIn(x.shape.length, intOf(node, 'axis', 0));
  if (axis === undefined) return [];
  const side = x!.shape[axis]!;
  const part = Math.ceil(side / node.outputs.length);
  const parts = given?.numbers ?? intsOf(node, 'split');
  return node.outputs.map((_, i) => ({
    shape: x!.shape.map((all, at) => (at === axis ? (parts?.[i] ?? Math.min(part, side - part * i)) : all)),
  }));
};

const slice: Rule = (node, [x, ...inputs]) => {
  if (!x) return [];
  const [starts, ends, axes, steps] = ['starts', 'ends', 'axes', 'steps'].map(
    (name, i) => inputs[i]?.numbers ?? intsOf(node, name),
  );
  if (!starts || !ends || starts.length !== ends.length) return [];
  const shape = [...x.shape];
  let { numbers } = x;
  for (const [i, from] of starts.entries()) {
    const axis = axisIn(shape.length, axes?.[i] ?? i);
    if (axis === undefined) return [];
    const [side, step] = [shape[axis]!, steps?.[i] ?? 1];
    if (step === 0) return [];
    const within = (at: number) =>
      Math.min(Math.max(at < 0 ? at + side : at, step < 0 ? -1 : 0), step < 0 ? side - 1 : side);
    const [start, end] = [within(from), within(ends[i]!)];
    const count = Math.max(0, Math.ceil((end - start) / step));
    shape[axis] = count;
    const [all, row] = [numbers, product(shape.slice(1))];
    const rows = Array.from({ length: Math.min(count, MAX_NUMBERS) }, (_, at) => start + at * step);
    numbers = axis === 0 ? all && rows.flatMap((at) => all.slice(at * row, (at + 1) * row)) : undefined;
  }
  return [{ shape, ...(numbers && { numbers, isFloat: x.isFloat ?? false }) }];
};

const gather: Rule = (node, [x, indices]) => {
  const axis = x && axisIn(x.shape.length, intOf(node, 'axis', 0));
  if (axis === undefined || !indices) return [];
  const shape = [...x!.shape.slice(0, axis), ...indices.shape, ...x!.shape.slice(axis + 1)];
  const { numbers, isFloat = false } = x!;
  if (!numbers || !indices.numbers || x!.shape.length !== 1) return only(shape);
  return [{ shape, numbers: indices.numbers.map((i) => numbers.at(i) ?? Number.NaN), isFloat }];
};

const shapeOperator: Rule = (node, [x]) => {
  if (!x) return [];
  const numbers = x.shape.slice(
    intOf(node, 'start', 0),
    node.attributes.has('end') ? intOf(node, 'end', 0) : undefined,
  );
  return [{ shape: [numbers.length], numbers }];
};

const expand: Rule = (_, [x, wanted]) => only(x && wanted?.numbers && broadcast([x.shape, wanted.numbers]));

const filled: Rule = (node, [wanted]) => {
  const shape = wanted?.numbers;
  const value = node.attributes.get('value')?.t;
  // Without a value it is filled with the float 0.
  const isSmall =
    shape !== undefined && value?.dataType === 7 && shape.length < 2 && product(shape) <= MAX_NUMBERS;
  const number =
    value?.int64Data?.[0] ??
    (value?.rawData?.length === 8 ? Number(Buffer.from(value.rawData).readBigInt64LE()) : 0);
  return [shape && { shape, ...(isSmall && { numbers: Array<number>(product(shape)).fill(number) }) }];
};

const pad: Rule = (node, [x, given, , axes]) => {
  const pads = given?.numbers ?? intsOf(node, 'pads');
  if (!x || !pads || (node.inputs[3] && !axes?.numbers)) return [];
  const shape = [...x.shape];
  const order = axes?.numbers ?? [...x.shape.keys()];
  for (const [i, axis] of order.entries()) {
    const at = axisIn(shape.length, axis);
    if (at === undefined) return [];
    shape[at]! += (pads[i] ?? 0) + (pads[i + order.length] ?? 0);
  }
  return only(shape);
};

const resize: Rule = (_, inputs) => {
  const [x, sizes] = [inputs[0], inputs[3]?.numbers];
  return only(x && sizes?.length === x.shape.length ? sizes : undefined);
};

/** Operators that change numbers and no sides; of several outputs, the first. */
const SAME_SHAPE = [
  ...[
    'Relu',
    'LeakyRelu',
    'Sigmoid',
    'HardSigmoid',
    'HardSwish',
    'Swish',
    'Tanh',
    'Elu',
    'Selu',
    'Gelu',
    'Mish',
    'Celu',
  ],
  ...[
    'Erf',
    'Exp',
    'Log',
    'Sqrt',
    'Abs',
    'Neg',
    'Reciprocal',
    'Round',
    'Softplus',
    'Not',
    'CumSum',
    'Dropout',
  ],
  ...[
    'BatchNormalization',
    'InstanceNormalization',
    'LayerNormalization',
    'GroupNormalization',
    'RMSNormalization',
  ],
  ...['LpNormalization', 'LRN', 'Softmax', 'LogSoftmax', 'QuantizeLinear', 'DequantizeLinear'],
];
const ELEMENTWISE = [
  'Pow',
  'Sum',
  'Mean',
  'PRelu',
  'Greater',
  'Less',
  'GreaterOrEqual',
  'LessOrEqual',
  'And',
  'Or',
  'Mod',
];
const REDUCTIONS = ['Mean', 'Max', 'Min', 'Sum', 'Prod', 'SumSquare', 'L1', 'L2'].map(
  (what) => `Reduce${what}`,
);

const RULES = new Map<string, Rule>([
  ...SAME_SHAPE.map((operator) => [operator, same] as const),
  ...ELEMENTWISE.map((operator) => [operator, elementwise()] as const),
  ...REDUCTIONS.map((operator) => [operator, reduction] as const),
  ...Object.entries({
    Identity: through,
    Cast: cast,
    Ceil: each(Math.ceil),
    Floor: each(Math.floor),
    Clip: each(clip),
    Add: elementwise(([a, b]) => a! + b!),
    Sub: elementwise(([a, b]) => a! - b!),
    Mul: elementwise(([a, b]) => a! * b!),
    Div: elementwise(([a, b], isFloat) => (isFloat ? a! / b! : Math.trunc(a! / b!))),
    Max: elementwise((numbers) => Math.max(...numbers)),
    Min: elementwise((numbers) => Math.min(...numbers)),
    Equal: elementwise(([a, b]) => Number(a === b)),
    Where: elementwise(([condition, a, b]) => (condition ? a! : b!)),
    Conv: convolution,
    MaxPool: pooling,
    AveragePool: pooling,
    LpPool: pooling,
    GlobalAveragePool: globalPooling,
    GlobalMaxPool: globalPooling,
    GlobalLpPool: globalPooling,
    MatMul: matrixProduct,
    Gemm: gemm,
    Reshape: reshape,
    Flatten: flatten,
    Squeeze: squeeze,
    Unsqueeze: unsqueeze,
    Transpose: transpose,
    Concat: concat,
    Split: split,
    Slice: slice,
    Gather: gather,
    Shape: shapeOperator,
    Expand: expand,
    ConstantOfShape: filled,
    Pad: pad,
    Resize: resize,
  }),
]);
