import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How much and how long a client may go on sending after its answer. */
interface Bounds {
  /** More than clients send before they look for an answer. */
  readonly maxBytes: number;
  readonly maxMs: number;
  /** For one that neither sends nor closes. */
  readonly idleMs: number;
}

const BOUNDS: Bounds = { maxBytes: 256 * 1024 * 1024, maxMs: 30_000, idleMs: 1000 };

const closing = new WeakSet<Socket>();

/** Whether the last answer of a connection has been sent: what still comes on it is not a request. */
export function isClosing(socket: Socket): boolean {
  return closing.has(socket);
}

/** Lets Node close a connection in stages wherever it would close it after the last answer. */
export function closeConnectionInStages(socket: Socket): void {
  // Node's HTTP server calls this when an answer with `Connection: close` is out.
  socket.destroySoon = () => closeInStages(socket);
}

/**
 * Closes a connection so that its client can read the last answer: the server's half first, then, within bounds of bytes
 * and time, what the client sends is read and forgotten until the client closes, too. Closing at once would reset the
 * connection while bytes are on their way, and a reset takes from the client what it has not read (RFC 9112, section 9.6).
 */
export function closeInStages(socket: Socket, { maxBytes, maxMs, idleMs }: Bounds = BOUNDS): void {
  if (closing.has(socket) || socket.destroyed) return;
  closing.add(socket);
  const bytesBefore = socket.bytesRead;
  const destroy = () => socket.destroy();
  const deadline = setTimeout(destroy, maxMs).unref();
  socket.once('close', () => clearTimeout(deadline));
  // A client that is gone has no use for the answer.
  socket.on('error', destroy);
  socket.setTimeout(idleMs, destroy);
  socket.end();
  const forget = () => {
    // An HTTP parser that listens would make requests of what comes, and pause where nobody reads them.
    socket.removeAllListeners('data');
    socket.on('data', () => {
      if (socket.bytesRead - bytesBefore > maxBytes) destroy();
    });
  };
  // Node's parser stops and starts the reading of a socket, and has to start it before it is sent away.
  if (socket.isPaused()) {
    socket.once('resume', forget);
    socket.resume();
  } else forget();
}

/**
 * Whether an answer that is sent now must be the last of its connection. It must while part of the body has not come, if
 * the body is too long (or of unknown length) to be read just to keep the connection, or if the client waits for "100
 * Continue" and may or may not send it.
 */
export function isBeforeItsBody(request: IncomingMessage, maxBodyBytes: number): boolean {
  const { complete, headers } = request;
  return !complete && (announcedBytes(headers) > maxBodyBytes || waitsToBeAsked(request));
}

function announcedBytes(headers: IncomingHttpHeaders): number {
  if (headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  return Number(headers['content-length'] ?? 0);
}

/** Requests whose clients wait for `100 Continue` before they send the body. */
const waiting = new WeakMap<IncomingMessage, ServerResponse>();

/**
 * Lets requests with `Expect: 100-continue` be answered like all others, while their clients wait: Node by itself would
 * ask for the body before anybody has looked at the head (RFC 9110, section 10.1.1).
 */
export function holdContinue(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.set(request, response);
    server.emit('request', request, response);
  });
}

/** Asks the client for the body, where it waits to be asked. Comes when nothing in the head of the request is refused. */
export function askForBody(request: IncomingMessage): void {
  waiting.get(request)?.writeContinue();
  waiting.delete(request);
}

/** Whether the client of a request has not been asked for its body. */
function waitsToBeAsked(request: IncomingMessage): boolean {
  return waiting.has(request);
}
