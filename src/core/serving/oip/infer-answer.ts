import { RobleError } from '../../errors.js';
import type { AnsweredImage } from '../answered-image.js';
import type { ServedModel } from '../models/served-model.js';
import type { InferAnswer, InferRequest, OutputTensor } from './schemas.js';

const OUTPUT_NAMES = ['probabilities', 'label'] as const;
type OutputName = (typeof OUTPUT_NAMES)[number];

export interface WantedOutput {
  readonly name: OutputName;
  /** Whether its values are to come as bytes behind the JSON. */
  readonly binary: boolean;
}

/**
 * The outputs that a request names; by default all.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID` for one that no model here has
 */
export function wantedOutputs({ outputs, parameters }: InferRequest): WantedOutput[] {
  const binaryByDefault = parameters?.binary_data_output ?? false;
  if (outputs === undefined || outputs.length === 0)
    return OUTPUT_NAMES.map((name) => ({ name, binary: binaryByDefault }));
  return outputs.map(({ name, parameters: own }) => {
    const known = OUTPUT_NAMES.find((output) => output === name);
    if (known) return { name: known, binary: own?.binary_data ?? binaryByDefault };
    throw new RobleError('ROBLE_REQUEST_INVALID', `The model has no output "${name}".`, {
      received: name,
      expected: OUTPUT_NAMES.join(', '),
    });
  });
}

/** The answer for a request, and the bytes of the outputs that come behind it. */
export function inferAnswer(
  model: ServedModel,
  { id }: InferRequest,
  images: readonly AnsweredImage[],
  wanted: readonly WantedOutput[],
): { message: InferAnswer; binaries: Buffer[] } {
  const binaries: Buffer[] = [];
  const outputs = wanted.map(({ name, binary }): OutputTensor => {
    const output = name === 'label' ? labels(images) : probabilities(images, model.bundle.classes.length);
    const { data, toBytes, ...tensor } = output;
    if (!binary) return { ...tensor, data };
    const bytes = toBytes();
    binaries.push(bytes);
    return { ...tensor, parameters: { binary_data_size: bytes.length } };
  });
  const { name, version } = model.label;
  return {
    message: { model_name: name, model_version: version, ...(id !== undefined && { id }), outputs },
    binaries,
  };
}

interface Output extends OutputTensor {
  readonly data: NonNullable<OutputTensor['data']>;
  readonly toBytes: () => Buffer;
}

function probabilities(images: readonly AnsweredImage[], classes: number): Output {
  const data = images.flatMap((image) => Array.from(image.probabilities));
  return {
    name: 'probabilities',
    datatype: 'FP32',
    shape: [images.length, classes],
    data,
    toBytes() {
      const bytes = Buffer.alloc(4 * data.length);
      for (const [i, value] of data.entries()) bytes.writeFloatLE(value, 4 * i);
      return bytes;
    },
  };
}

/** The most probable class of each image. */
function labels(images: readonly AnsweredImage[]): Output {
  const data = images.map(({ predictions }) => predictions[0]!.label);
  return {
    name: 'label',
    datatype: 'BYTES',
    shape: [images.length],
    data,
    // Each with its length before it.
    toBytes: () =>
      Buffer.concat(
        data.flatMap((label) => {
          const length = Buffer.alloc(4);
          length.writeUInt32LE(Buffer.byteLength(label));
          return [length, Buffer.from(label)];
        }),
      ),
  };
}
