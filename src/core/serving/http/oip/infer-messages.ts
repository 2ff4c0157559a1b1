import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import { RobleError } from '../../../base/errors.js';
import type { ImageShape } from '../../../model/spec.js';
import { topClasses } from '../../../predict/top-predictions.js';
import type { AnsweredImage } from '../../models/answered-image.js';
import type { ServedModel } from '../../models/served-model.js';
import { checkedRequest } from '../../request/checked-request.js';
import {
  binaryInferRequestSchema,
  INPUT_NAME,
  type InferAnswer,
  type InferRequest,
  inferRequestSchema,
  type OutputTensor,
} from './schemas.js';

/** The header of the binary extension: the bytes of JSON before the bytes of the tensors. */
export const JSON_LENGTH_HEADER = 'inference-header-content-length';

export interface InferBody {
  readonly message: InferRequest;
  /** The bytes of the tensor; undefined: its numbers are in the JSON. */
  readonly binary: Uint8Array | undefined;
}

/**
 * Takes the body of a request for inference apart.
 *
 * @param jsonLength the value of {@link JSON_LENGTH_HEADER}, where there is one
 * @param input what the model takes, which a request without JSON does not say
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`
 */
export function readInferBody(body: Buffer, jsonLength: string | undefined, input: ImageShape): InferBody {
  const end = jsonLength === undefined ? body.length : lengthOf(jsonLength, body.length);
  if (body.length === 0)
    throw invalid('The request has no body.', { received: 'no bytes', expected: 'a JSON object' });
  if (end === 0) return { message: rawRequest(body, input), binary: copyOf(body, 0) };
  const message = checkForm(parse(body.subarray(0, end)));
  const size = message.inputs[0]!.parameters?.binary_data_size ?? undefined;
  if (body.length - end !== (size ?? 0))
    throw invalid('The bytes behind the JSON are not those of the tensor.', {
      received: `${body.length - end} bytes`,
      expected: `${size ?? 0} bytes, as parameters.binary_data_size of the input says`,
    });
  return { message, binary: size === undefined ? undefined : copyOf(body, end) };
}

function lengthOf(header: string, bodyLength: number): number {
  const length = /^\d+$/.test(header) ? Number(header) : Number.NaN;
  if (length <= bodyLength) return length;
  throw invalid(`The header ${JSON_LENGTH_HEADER} does not fit the body.`, {
    received: header,
    expected: `a whole number of bytes${Number.isFinite(bodyLength) ? `, up to the ${bodyLength} of the body` : ''}`,
  });
}

/** So that numbers wider than a byte lie where their type wants them, and no picture keeps the whole body. */
function copyOf(body: Buffer, start: number): Uint8Array {
  return Uint8Array.prototype.slice.call(body, start);
}

/** A body without JSON ("raw binary request"): one picture as the model takes it, and all outputs as bytes. */
function rawRequest({ length }: Buffer, { height, width, channels }: ImageShape): InferRequest {
  return binaryInferRequestSchema.parse({
    parameters: { binary_data_output: true },
    inputs: [
      {
        name: INPUT_NAME,
        datatype: 'UINT8',
        shape: [1, height, width, channels],
        parameters: { binary_data_size: length },
      },
    ],
  } satisfies z.input<typeof binaryInferRequestSchema>);
}

/**
 * Checks whether {@link JSON_LENGTH_HEADER} can be right, as far as the headers of a request show.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`
 */
export function checkJsonLength(headers: IncomingHttpHeaders): void {
  const given = headers[JSON_LENGTH_HEADER] as string | undefined;
  // The length of an encoded body says nothing of what it holds.
  const longest = headers['content-encoding'] === undefined ? headers['content-length'] : undefined;
  if (given !== undefined)
    lengthOf(given, longest === undefined ? Number.POSITIVE_INFINITY : Number(longest));
}

function parse(json: Buffer): unknown {
  const expected = `a JSON object in UTF-8, followed by bytes only with the header ${JSON_LENGTH_HEADER}`;
  if (!isUtf8(json))
    throw invalid('The body is not JSON: it is not UTF-8.', { received: `${json.length} bytes`, expected });
  try {
    return JSON.parse(json.toString());
  } catch (error) {
    throw invalid(`The body is not JSON: ${(error as Error).message}.`, {
      received: `${json.length} bytes`,
      expected,
    });
  }
}

/** What is asked for by a parameter elsewhere, and here by a header. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['parameters.priority', 'Send the header x-priority instead.'],
  ['parameters.timeout', 'Send the header x-timeout-ms instead.'],
]);

function checkForm(value: unknown): InferRequest {
  const given = value as { inputs?: { parameters?: { binary_data_size?: unknown } }[] } | null;
  const isBinary = (given?.inputs?.[0]?.parameters?.binary_data_size ?? undefined) !== undefined;
  return isBinary
    ? checkedRequest(binaryInferRequestSchema, value, ELSEWHERE)
    : checkedRequest(inferRequestSchema, value, ELSEWHERE);
}

function invalid(message: string, details: { received: unknown; expected: string }): RobleError {
  return new RobleError('ROBLE_REQUEST_INVALID', message, details);
}

const OUTPUT_NAMES = ['probabilities', 'label'] as const;

export interface WantedOutput {
  readonly name: (typeof OUTPUT_NAMES)[number];
  /** Whether its values are to come as bytes behind the JSON. */
  readonly isBinary: boolean;
  /** The number of classes to give, the most probable ones, as texts instead of the numbers of all. */
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
