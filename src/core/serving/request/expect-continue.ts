import type { IncomingMessage, Server, ServerResponse } from 'node:http';

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
export function waitsToBeAsked(request: IncomingMessage): boolean {
  return waiting.has(request);
}
