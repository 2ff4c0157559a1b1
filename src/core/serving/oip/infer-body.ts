import type { IncomingHttpHeaders } from 'node:http';
import { RobleError } from '../../errors.js';
import { type InferRequest, type InputTensor, inferRequestSchema } from './schemas.js';

/** The header of the binary extension: the bytes of JSON before the bytes of the tensors. */
export const JSON_LENGTH_HEADER = 'inference-header-content-length';

export interface InferBody {
  readonly message: InferRequest;
  /** The bytes of a tensor whose numbers are not in the JSON. */
  readonly binaryOf: (tensor: InputTensor) => Uint8Array | undefined;
}

/**
 * Takes the body of a request for inference apart.
 *
 * @param jsonLength the value of {@link JSON_LENGTH_HEADER}, where there is one
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`
 */
export function readInferBody(body: Buffer, jsonLength: string | undefined): InferBody {
  const end = jsonLength === undefined ? body.length : Number(jsonLength);
  if (!Number.isInteger(end) || end < 0 || end > body.length)
    throw invalid(`The header ${JSON_LENGTH_HEADER} does not fit the body.`, {
      received: jsonLength,
      expected: `a number of bytes up to ${body.length}`,
    });
  const message = checkForm(parse(body.subarray(0, end)));
  const parts = new Map<InputTensor, Uint8Array>();
  let offset = end;
  for (const tensor of message.inputs) {
    const size = tensor.parameters?.binary_data_size;
    if (size === undefined) continue;
    // Copied, so that numbers wider than a byte lie where their type wants them, and no picture keeps the whole body.
    parts.set(tensor, Uint8Array.prototype.slice.call(body, offset, offset + size));
    offset += size;
  }
  if (offset !== body.length)
    throw invalid('The bytes behind the JSON are not those of the tensors.', {
      received: `${body.length - end} bytes`,
      expected: `${offset - end} bytes, the sum of all binary_data_size`,
    });
  return { message, binaryOf: (tensor) => parts.get(tensor) };
}

/**
 * Looks whether {@link JSON_LENGTH_HEADER} can be right, as far as the headers of a request tell.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`
 */
export function checkJsonLength(headers: IncomingHttpHeaders): void {
  const given = headers[JSON_LENGTH_HEADER];
  // The length of an encoded body says nothing of what it holds.
  const longest = headers['content-encoding'] === undefined ? headers['content-length'] : undefined;
  const isNumber = given === undefined || /^\d+$/.test(String(given));
  const fits = longest === undefined || !(Number(given) > Number(longest));
  if (isNumber && fits) return;
  throw invalid(`The header ${JSON_LENGTH_HEADER} does not fit the body.`, {
    received: given,
    expected: longest === undefined ? 'a number of bytes' : `a number of bytes up to ${longest}`,
  });
}

function parse(json: Buffer): unknown {
  if (json.length === 0)
    throw invalid('The request has no body.', { received: 'no bytes', expected: 'a JSON object' });
  try {
    return JSON.parse(json.toString());
  } catch (error) {
    throw invalid(`The body is not JSON: ${(error as Error).message}.`, {
      received: `${json.length} bytes`,
      expected: `a JSON object, followed by bytes only with the header ${JSON_LENGTH_HEADER}`,
    });
  }
}

function checkForm(value: unknown): InferRequest {
  const parsed = inferRequestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`The request is not of the expected form at "${issue!.path.join('.')}": ${issue!.message}.`, {
    received: typeof value,
    expected: '{ "inputs": [{ "name", "shape", "datatype", "data" }] }',
  });
}

function invalid(message: string, details: { received: unknown; expected: string }): RobleError {
  return new RobleError('ROBLE_REQUEST_INVALID', message, details);
}
