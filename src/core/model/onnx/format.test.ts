import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelOf, node, smallClassifier } from '../../../../test/support/onnx-files.js';
import { RobleError } from '../../base/errors.js';
import { inspectBackbone } from '../backbone/inspect-backbone.js';
import { constantOf } from './constant.js';
import { readGraph } from './file-graph.js';
import { ELEMENT_TYPES, encodeModel, type OnnxTensor, readModel, valueInfo } from './format.js';

/** The error of reading a file; undefined where it can be read. Anything else than a coded error of files fails the test. */
function refusal(bytes: Uint8Array): RobleError | undefined {
  try {
    inspectBackbone(bytes);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(RobleError);
    expect((error as RobleError).code).toBe('ROBLE_ONNX_INVALID');
    return error as RobleError;
  }
}

describe('readModel', () => {
  const whole = encodeModel(smallClassifier());

  it('reads what is written, to the same bytes', () => {
    expect(Buffer.from(encodeModel(readModel(whole))).equals(whole)).toBe(true);
    expect(refusal(whole)).toBeUndefined();
  });

  it('refuses a file that was cut off anywhere', () => {
    for (let length = 0; length < whole.length; length++) {
      const error = refusal(whole.subarray(0, length));
      // What may be missing is metadata, which comes last.
      if (!error) expect(readModel(whole.subarray(0, length)).graph).toEqual(readModel(whole).graph);
    }
  });

  it('answers any damage with a coded error or a description', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (changes) => {
          const damaged = Uint8Array.from(whole);
          for (const [at, value] of changes) damaged[at] = value;
          refusal(damaged);
        },
      ),
      { numRuns: 3000 },
    );
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = Uint8Array.from(whole);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      refusal(damaged);
    }
  });

  it('answers bytes that are no model', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        refusal(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses floods of fields before they become objects', () => {
    // A graph (field 7) of empty nodes (field 1), and a tensor of packed integers, two bytes and one byte each.
    const nodes = Buffer.alloc(2_000_000);
    for (let i = 0; i < nodes.length; i += 2) nodes[i] = 0x0a;
    const message = (field: number, inner: Buffer) => {
      const length: number[] = [];
      for (let rest = inner.length; rest > 0; rest >>>= 7) length.push((rest & 127) | (rest > 127 ? 128 : 0));
      return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), inner]);
    };
    expect(refusal(message(7, nodes))?.message).toMatch(/more than 500,000 fields/);
    const integers = message(7, message(5, message(7, Buffer.alloc(2_000_000))));
    expect(refusal(integers)?.message).toMatch(/more than 500,000 fields/);
    let deep: Buffer = Buffer.alloc(0);
    // A graph in an attribute of a node of a graph.
    for (let i = 0; i < 200; i++) deep = message(1, message(5, message(6, deep)));
    expect(refusal(message(7, deep))?.message).toMatch(/deep/);
  });
});

describe('readGraph', () => {
  const inOut = {
    input: [valueInfo('x', 'float32', ['N', 3, 4, 4])],
    output: [valueInfo('y', 'float32', ['N', 3])],
  };

  it('finds constants in initializers, in inputs and in nodes, and leaves them out of what is to be given', () => {
    const weight: OnnxTensor = { name: 'w', dims: [2], dataType: 1, floatData: [1, 2] };
    const { inputs, constants, nodes } = readGraph(
      encodeModel(
        modelOf({
          ...inOut,
          input: [...inOut.input, valueInfo('w', 'float32', [2])],
          initializer: [weight],
          node: [
            node('Constant', [], 'c', [{ name: 'value_ints', type: 7, ints: [3, -1] }]),
            node('Identity', ['x'], 'y'),
          ],
        }),
      ),
    );
    expect(inputs.map(({ name }) => name)).toEqual(['x']);
    expect([...constants.get('w')!.floats()]).toEqual([1, 2]);
    expect(constants.get('c')!.integers()).toEqual([3, -1]);
    expect(nodes.map(({ operator }) => operator)).toEqual(['Identity']);
  });

  it.each<[string, Partial<Parameters<typeof modelOf>[0]>, RegExp]>([
    ['a value that nothing gives', { node: [node('Relu', ['z'], 'y')] }, /takes "z", which nothing gives/],
    [
      'a value that is given twice',
      { node: [node('Relu', ['x'], 'y'), node('Relu', ['x'], 'y')] },
      /given twice/,
    ],
    ['an output that nothing gives', { node: [] }, /nothing gives its output "y"/],
    [
      'a constant of too few numbers',
      { initializer: [{ name: 'w', dims: [3], dataType: 1, rawData: new Uint8Array(8) }] },
      /2 numbers, and its sides 3/,
    ],
    [
      'weights in another file',
      {
        initializer: [
          {
            name: 'w',
            dims: [3],
            dataType: 1,
            dataLocation: 1,
            externalData: [{ key: 'location', value: 'w.data' }],
          },
        ],
      },
      /another file, "w.data"/,
    ],
  ])('refuses %s', (_, graph, message) => {
    const bytes = encodeModel(modelOf({ ...inOut, node: [node('Identity', ['x'], 'y')], ...graph }));
    expect(() => readGraph(bytes)).toThrow(message);
  });
});

describe('constantOf', () => {
  it('reads every element type, from raw bytes and from the field of the type', () => {
    const raw = (type: keyof typeof ELEMENT_TYPES, numbers: ArrayBufferView) =>
      constantOf({
        name: 'c',
        dims: [2],
        dataType: ELEMENT_TYPES[type],
        rawData: new Uint8Array(numbers.buffer.slice(0)),
      });
    expect([...raw('float32', Float32Array.of(0.5, -2)).floats()]).toEqual([0.5, -2]);
    expect([...raw('float64', Float64Array.of(0.5, -2)).floats()]).toEqual([0.5, -2]);
    // 1.5, the least number above 0, -65504 and infinity of IEEE 754's binary16.
    expect([...raw('float16', Uint16Array.of(0x3e00, 0x0001)).floats()]).toEqual([1.5, 2 ** -24]);
    expect([...raw('float16', Uint16Array.of(0xfbff, 0x7c00)).floats()]).toEqual([
      -65504,
      Number.POSITIVE_INFINITY,
    ]);
    expect(raw('int8', Int8Array.of(-3, 4)).integers()).toEqual([-3, 4]);
    expect(raw('uint8', Uint8Array.of(200, 4)).integers()).toEqual([200, 4]);
    expect(raw('int32', Int32Array.of(-3, 4)).integers()).toEqual([-3, 4]);
    expect(raw('int64', BigInt64Array.of(-3n, 4n)).integers()).toEqual([-3, 4]);
    const typed = (dataType: number, numbers: Partial<OnnxTensor>) =>
      constantOf({ name: 'c', dims: [1], dataType, ...numbers });
    expect([...typed(ELEMENT_TYPES.float16, { int32Data: [0x3e00] }).floats()]).toEqual([1.5]);
    expect([...typed(ELEMENT_TYPES.float64, { doubleData: [0.25] }).floats()]).toEqual([0.25]);
    expect(typed(ELEMENT_TYPES.int64, { int64Data: [7] }).integers()).toEqual([7]);
  });
});
