import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** What of a body is read and forgotten after its answer: more than clients send before they look for one. */
const MAX_BYTES = 256 * 1024 * 1024;
/** A client that is still sending after this, however fast, is cut off. */
const MAX_MS = 30_000;
/** So is one that neither sends nor closes. */
const IDLE_MS = 1000;

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
export function closeInStages(socket: Socket): void {
  if (closing.has(socket) || socket.destroyed) return;
  closing.add(socket);
  const bytesBefore = socket.bytesRead;
  const destroy = () => socket.destroy();
  const deadline = setTimeout(destroy, MAX_MS).unref();
  socket.once('close', () => clearTimeout(deadline));
  // A client that is gone has no use for the answer.
  socket.on('error', destroy);
  socket.on('data', () => {
    if (socket.bytesRead - bytesBefore > MAX_BYTES) destroy();
  });
  socket.setTimeout(IDLE_MS, destroy);
  socket.end();
  socket.resume();
}

/**
 * Whether an answer that is sent now has to be the last of its connection: part of the body is still to come, and it is
 * longer than what is read for its own sake, or of unknown length.
 */
export function isBeforeItsBody({ complete, headers }: IncomingMessage, maxBodyBytes: number): boolean {
  return !complete && announcedBytes(headers) > maxBodyBytes;
}

function announcedBytes(headers: IncomingHttpHeaders): number {
  if (headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  return Number(headers['content-length'] ?? 0);
}
