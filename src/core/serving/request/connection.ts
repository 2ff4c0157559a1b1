import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { waitsToBeAsked } from './expect-continue.js';

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
 * Whether an answer that is sent now has to be the last of its connection: part of the body is still to come, and it is
 * longer than what is read for its own sake, or of unknown length; or its client waits to be asked for it, and may send it
 * or not.
 */
export function isBeforeItsBody(request: IncomingMessage, maxBodyBytes: number): boolean {
  const { complete, headers } = request;
  return !complete && (announcedBytes(headers) > maxBodyBytes || waitsToBeAsked(request));
}

function announcedBytes(headers: IncomingHttpHeaders): number {
  if (headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  return Number(headers['content-length'] ?? 0);
}
