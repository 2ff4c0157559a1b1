import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { closeConnectionInStages, isClosing } from '../request/connection.js';
import { holdContinue } from '../request/expect-continue.js';
import { answerRawProblems } from './raw-problems.js';
import type { ConnectionSettings } from './settings.js';
import type { TlsCertificate } from './tls-certificate.js';

/** Times are looked after so often, or ten times within the shortest of them. */
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
