import { connect } from 'node:net';

/** An answer as it came over the connection. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Sends bytes as they are, and reads until the server closes the connection, which it has to do; what it sent is given as
 * the answers that it consists of.
 */
export function sendRaw(port: number, ...parts: readonly (string | Buffer)[]): Promise<RawAnswer[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.setTimeout(60_000, () => socket.destroy(new Error('the server does not close the connection')));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.once('error', reject);
    socket.once('close', () => resolve(parseAnswers(Buffer.concat(chunks))));
    for (const part of parts) socket.write(part);
  });
}

/** Answers of which each says its length, or which end with the connection. */
export function parseAnswers(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let left = bytes; left.length > 0; ) {
    const end = left.indexOf('\r\n\r\n');
    if (end < 0) throw new Error(`no answer of HTTP: ${left.toString('latin1', 0, 100)}`);
    const [first = '', ...lines] = left.toString('latin1', 0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const body = left.subarray(end + 4);
    const length = Number(headers['content-length'] ?? (status < 200 ? 0 : body.length));
    answers.push({ status, headers, body: body.toString('utf8', 0, length) });
    left = body.subarray(length);
  }
  return answers;
}
