import { RobleError } from '../../base/errors.js';

/** One part of a form. */
export interface FormPart {
  readonly name: string;
  /** Whether it came with a name of a file. */
  readonly isFile: boolean;
  /** Such as `image/png`; undefined where the part names none. */
  readonly type: string | undefined;
  readonly bytes: Buffer;
}

/** More than clients write before a file. */
const MAX_HEADER_BYTES = 8192;

/**
 * A form, `multipart/form-data` (RFC 7578, RFC 2046 section 5.1). Every part is given, or the form refused: one that is
 * passed over would shift the answers to those that follow.
 */
export class Form {
  readonly #boundary: Buffer;
  readonly #body: Buffer;

  private constructor(boundary: Buffer, body: Buffer) {
    this.#boundary = boundary;
    this.#body = body;
  }

  /** @throws {RobleError} `ROBLE_REQUEST_INVALID` for a content type that names no boundary */
  static async read(contentType: string, readBody: () => Promise<Buffer>): Promise<Form> {
    const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
    const boundary = quoted ?? plain;
    if (boundary === undefined)
      throw invalid('its content type names no boundary', contentType, 'multipart/form-data; boundary=...');
    return new Form(Buffer.from(`\r\n--${boundary}`, 'latin1'), await readBody());
  }

  /**
   * In their order.
   *
   * @throws {RobleError} `ROBLE_REQUEST_INVALID`
   */
  *parts(): Generator<FormPart> {
    const body = this.#body;
    let start = this.#first();
    for (let number = 1; body.toString('latin1', start, start + 2) !== '--'; number++) {
      const line = body.indexOf('\r\n', start);
      const end = body.indexOf('\r\n\r\n', line);
      if (line < 0 || end < 0) throw endsEarly();
      if (end - line > MAX_HEADER_BYTES)
        throw invalid(`the headers of part ${number} are too long`, `${end - line} bytes`);
      const padding = body.toString('latin1', start, line);
      if (/[^ \t]/.test(padding)) throw invalid(`a boundary goes on with "${padding.slice(0, 32)}"`);
      // A part without content may end with its headers.
      start = this.#next(end + 2);
      const content = body.subarray(end + 4, Math.max(end + 4, start - this.#boundary.length));
      yield partOf(body.toString('utf8', line + 2, Math.max(line + 2, end)), content, number);
    }
  }

  /** Behind the first boundary, which may come without a line before it. */
  #first(): number {
    const { length } = this.#boundary;
    const isFirst = this.#body.subarray(0, length - 2).equals(this.#boundary.subarray(2));
    return isFirst ? length - 2 : this.#next(0);
  }

  /** Behind the next boundary. */
  #next(from: number): number {
    const found = this.#body.indexOf(this.#boundary, from);
    if (found < 0) throw endsEarly();
    return found + this.#boundary.length;
  }
}

function partOf(text: string, content: Buffer, number: number): FormPart {
  const headers = headersOf(text);
  const disposition = headers.get('content-disposition') ?? '';
  const parameters = parametersOf(disposition);
  const name = parameters.get('name') ?? parameters.get('name*');
  if (!/^form-data\s*(;|$)/i.test(disposition) || name === undefined)
    throw invalid(
      `part ${number} is no field of a form`,
      `content-disposition: ${disposition || 'none'}`,
      'content-disposition: form-data; name="..."',
    );
  return {
    name,
    isFile: parameters.has('filename') || parameters.has('filename*'),
    type: /^[^;\s]+/.exec(headers.get('content-type') ?? '')?.[0].toLowerCase(),
    bytes: decoded(content, headers.get('content-transfer-encoding'), name),
  };
}

function headersOf(text: string): ReadonlyMap<string, string> {
  const lines = text.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

function parametersOf(header: string): ReadonlyMap<string, string> {
  const all = header.matchAll(/;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g);
  return new Map(
    [...all].map(([, name, quoted, plain]) => [
      name!.toLowerCase(),
      quoted?.replace(/\\(["\\])/g, '$1') ?? plain ?? '',
    ]),
  );
}

/** Encodings of mail, which old clients use (RFC 7578, section 4.7). */
function decoded(content: Buffer, encoding: string | undefined, name: string): Buffer {
  const known = (encoding ?? 'binary').toLowerCase();
  if (['binary', '8bit', '7bit'].includes(known)) return content;
  if (known === 'base64') return Buffer.from(content.toString('latin1'), 'base64');
  throw invalid(
    `the part "${name}" is encoded`,
    `content-transfer-encoding: ${encoding}`,
    'binary, 8bit, 7bit or base64',
  );
}

function endsEarly(): RobleError {
  return invalid('it ends early, or has no boundary');
}

function invalid(message: string, received?: string, expected = 'multipart/form-data'): RobleError {
  return new RobleError('ROBLE_REQUEST_INVALID', `The form cannot be read: ${message}.`, {
    ...(received !== undefined && { received }),
    expected,
  });
}
