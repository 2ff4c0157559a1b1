import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { RobleError } from '../../base/errors.js';
import { closeConnectionInStages, closeInStages, holdContinue, isClosing } from '../request/connection.js';
import { problemOf } from '../request/problem.js';
import type { ConnectionSettings } from './settings.js';
import type { TlsCertificate } from './tls-certificate.js';

/** How often timeouts are checked, unless the shortest of them needs it ten times as often. */
const CHECK_MS = 1000;

/** Node's HTTP server, with or without TLS, with bounds for slow, large and malformed requests. It does not listen yet. */
export function createHttpServer(
  handler: RequestListener,
  { max, headersTimeoutMs, receiveTimeoutMs, keepAliveTimeoutMs, maxHeaderBytes }: ConnectionSettings,
  certificate?: TlsCertificate,
): Server {
  const bounds = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: receiveTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.max(1, Math.min(CHECK_MS, Math.floor(headersTimeoutMs / 10))),
    maxHeaderSize: maxHeaderBytes,
    // Node would refuse a request without Host with no body; the application does it as a problem.
    requireHostHeader: false,
  };
  const answer: RequestListener = (request, response) => {
    if (!isClosing(request.socket)) handler(request, response);
  };
  const server = certificate
    ? createTlsServer({ ...bounds, ...certificate, handshakeTimeout: headersTimeoutMs }, answer)
    : createServer(bounds, answer);
  const connected = certificate ? 'secureConnection' : 'connection';
  server.on(connected, closeConnectionInStages);
  closeUnusedWithIdle(server, connected);
  server.maxConnections = max;
  holdContinue(server);
  answerRawProblems(server, maxHeaderBytes);
  return server;
}

/**
 * Lets a server that stops close connections on which nothing has come, with those between two requests. Browsers and
 * balancers open some in advance, and Node takes them for busy.
 */
function closeUnusedWithIdle(server: Server, connected: 'connection' | 'secureConnection'): void {
  const sockets = new Set<Socket>();
  server.on(connected, (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const closeIdle = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    closeIdle();
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface RawError extends Error {
  readonly code?: string;
  /** The parser's own words. */
  readonly reason?: string;
  /** What the parser was given last. */
  readonly rawPacket?: Buffer;
  /** How much of that it understood. */
  readonly bytesParsed?: number;
}

/** A line that begins a request, with a method of any name, or as much of it as came. */
const REQUEST_LINE = /^[\w!#$%&'*+.^`|~-]+($| [^\r\n]*$| \S+ HTTP\/1\.[01]\r?\n)/;

/**
 * Answers as problems (RFC 9457) what Node would answer by itself, or only by closing the connection: requests that are no
 * HTTP, methods that it does not know, headers that are too large, clients that are too slow, `CONNECT`, `Expect`.
 */
function answerRawProblems(server: Server, maxHeaderBytes: number): void {
  const exchangesOf = new WeakMap<Socket, Exchange[]>();
  server.prependListener('request', (request, response) => {
    const exchanges = exchangesOf.get(request.socket) ?? [];
    exchangesOf.set(request.socket, exchanges);
    const exchange = { request, response };
    exchanges.push(exchange);
    response.on('close', () => exchanges.splice(exchanges.indexOf(exchange), 1));
  });
  const refused = new WeakSet<Socket>();
  server.on('clientError', (error: RawError, socket: Socket) => {
    // What comes after the fault is as faulty.
    if (refused.has(socket)) return;
    refused.add(socket);
    void refuse(refusalOf(error, maxHeaderBytes), socket, exchangesOf.get(socket) ?? []);
  });
  server.on('connect', (_, socket: Socket) =>
    end(socket, {
      status: 501,
      error: new RobleError('ROBLE_METHOD_UNKNOWN', 'The server is no proxy.', { received: 'CONNECT' }),
    }),
  );
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const { headers, body } = rawAnswer(
      417,
      new RobleError('ROBLE_REQUEST_INVALID', 'The server cannot do what the header Expect asks for.', {
        received: request.headers.expect,
        expected: '100-continue',
      }),
    );
    response.writeHead(417, headers).end(body);
  });
}

interface Refusal {
  readonly status: number;
  readonly error: RobleError;
}

/** Requests that came whole before the fault are answered first: an answer out of turn would be taken for theirs. */
async function refuse(
  refusal: Refusal | undefined,
  socket: Socket,
  exchanges: readonly Exchange[],
): Promise<void> {
  const whole = exchanges.filter(({ request }) => request.complete);
  await Promise.all(whole.map(({ response }) => new Promise((resolve) => response.once('close', resolve))));
  const isAnswering = exchanges.some(({ response }) => response.headersSent);
  if (refusal && !isAnswering && socket.writable) end(socket, refusal);
  else socket.destroy();
}

/** Undefined for faults of the connection itself, over which no answer goes. */
function refusalOf(fault: RawError, maxHeaderBytes: number): Refusal | undefined {
  const { code = '', reason, message } = fault;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return {
      status: 408,
      error: new RobleError('ROBLE_REQUEST_SLOW', 'The request did not arrive in time.'),
    };
  const method = unknownMethodOf(fault);
  if (method !== undefined)
    return {
      status: 501,
      error: new RobleError('ROBLE_METHOD_UNKNOWN', 'The server does not know the method.', {
        received: method,
        expected: 'a method of HTTP, in capital letters',
      }),
    };
  if (code === 'HPE_HEADER_OVERFLOW')
    return {
      status: 431,
      error: new RobleError('ROBLE_REQUEST_TOO_LARGE', 'The headers of the request are too large.', {
        expected: `at most ${maxHeaderBytes} bytes`,
      }),
    };
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return {
      status: 413,
      error: new RobleError('ROBLE_REQUEST_TOO_LARGE', 'The extensions of a chunk are too large.'),
    };
  if (code.startsWith('HPE_'))
    return {
      status: 400,
      error: new RobleError('ROBLE_REQUEST_INVALID', `This is no HTTP request: ${reason ?? message}.`),
    };
  return undefined;
}

/** The method of a request line that is right but for it. */
function unknownMethodOf({ code, reason = '', rawPacket, bytesParsed }: RawError): string | undefined {
  // The one for names that nobody knows, the other for those of another protocol (RTSP).
  const isOfMethod = code === 'HPE_INVALID_METHOD' || reason.startsWith('Invalid method');
  if (!isOfMethod || !rawPacket) return undefined;
  const begin = rawPacket.subarray(0, bytesParsed).lastIndexOf('\n') + 1;
  const line = rawPacket.toString('latin1', begin);
  return REQUEST_LINE.test(line) ? line.split(/[ \r]/)[0] : undefined;
}

function end(socket: Socket, { status, error }: Refusal): void {
  const { headers, body } = rawAnswer(status, error);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  closeInStages(socket);
}

function rawAnswer(status: number, error: RobleError): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify({ ...problemOf(error), status });
  return {
    headers: {
      'content-type': 'application/problem+json',
      'content-length': `${Buffer.byteLength(body)}`,
      'x-request-id': randomUUID(),
      connection: 'close',
    },
    body,
  };
}
