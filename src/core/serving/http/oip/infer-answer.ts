import { topClasses } from '../../../predict/top-predictions.js';
import type { AnsweredImage } from '../../models/answered-image.js';
import type { ServedModel } from '../../models/served-model.js';
import type { InferAnswer, InferRequest, OutputTensor } from './schemas.js';

const OUTPUT_NAMES = ['probabilities', 'label'] as const;

export interface WantedOutput {
  readonly name: (typeof OUTPUT_NAMES)[number];
  /** Whether its values are to come as bytes behind the JSON. */
  readonly isBinary: boolean;
  /** So many of the most probable classes, as texts, instead of the numbers. */
  readonly classification?: number | undefined;
}

/** The outputs that a request names; by default all. */
export function wantedOutputs({ outputs = [], parameters }: InferRequest): WantedOutput[] {
  const isBinary = parameters?.binary_data_output ?? false;
  if (outputs.length === 0) return OUTPUT_NAMES.map((name) => ({ name, isBinary }));
  return outputs.map((output) => ({
    name: output.name,
    isBinary: output.parameters?.binary_data ?? isBinary,
    ...(output.name === 'probabilities' && { classification: output.parameters?.classification }),
  }));
}

/** The answer for a request, and the bytes of the outputs that come behind it. */
export function inferAnswer(
  model: ServedModel,
  { id }: InferRequest,
  images: readonly AnsweredImage[],
  wanted: readonly WantedOutput[],
): { message: InferAnswer; binaries: Buffer[] } {
  const binaries: Buffer[] = [];
  const outputs = wanted.map(({ name, isBinary, classification }): OutputTensor => {
    const output = { name, ...valuesOf(model, images, name, classification) };
    if (!isBinary) return output;
    const { data, ...tensor } = output;
    const bytes = tensor.datatype === 'FP32' ? floatBytes(data as number[]) : textBytes(data as string[]);
    binaries.push(bytes);
    return { ...tensor, parameters: { binary_data_size: bytes.length } };
  });
  const { name, version } = model.label;
  return {
    message: { model_name: name, model_version: version, ...(id !== undefined && { id }), outputs },
    binaries,
  };
}

type Values = Required<Pick<OutputTensor, 'datatype' | 'shape' | 'data'>>;

function valuesOf(
  { bundle }: ServedModel,
  images: readonly AnsweredImage[],
  name: WantedOutput['name'],
  classification: number | undefined,
): Values {
  const count = images.length;
  if (name === 'label') {
    const data = images.map(({ predictions }) => predictions[0]!.label);
    return { datatype: 'BYTES', shape: [count], data };
  }
  if (classification !== undefined) {
    const data = images.flatMap(({ probabilities }) => bestOf(probabilities, bundle.classes, classification));
    return { datatype: 'BYTES', shape: [count, data.length / count], data };
  }
  const data = images.flatMap(({ probabilities }) => Array.from(probabilities));
  return { datatype: 'FP32', shape: [count, bundle.classes.length], data };
}

/** The classification extension's `value:index:label`. */
function bestOf(probabilities: Float32Array, classes: readonly string[], count: number): string[] {
  return topClasses(probabilities, count).map(
    (index) => `${probabilities[index]}:${index}:${classes[index]}`,
  );
}

function floatBytes(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeFloatLE(value, 4 * i);
  return bytes;
}

/** Each with its length before it. */
function textBytes(texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(text));
      return [length, Buffer.from(text)];
    }),
  );
}
