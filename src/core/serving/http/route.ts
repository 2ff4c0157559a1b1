import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { z } from 'zod';
import type { RouteAccess } from '../access/authorize.js';
import { refuseQuery } from '../request/checked-request.js';
import { problemSchema } from '../request/schemas.js';

/** The part of JSON Schema (2020-12) that the document uses. */
export interface OpenApiSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly required?: readonly string[];
  readonly items?: OpenApiSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly anyOf?: readonly OpenApiSchema[];
  readonly oneOf?: readonly OpenApiSchema[];
  readonly additionalProperties?: boolean | OpenApiSchema;
  readonly contentMediaType?: string;
}

/** What a body or an answer holds, by content type: messages by the schemas of their rooms, and what is no JSON. */
export type Content = Readonly<Record<string, z.ZodType | OpenApiSchema>>;

export interface RequestHeader {
  readonly description: string;
  readonly schema: OpenApiSchema;
}

/**
 * A route, declared once: from this follow its registration with the framework, the bodies and queries that it takes, whose
 * keys open it, what scripts of other origins need for it, and its part of the OpenAPI document.
 */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** As OpenAPI writes it: `/v2/models/{name}`. */
  readonly path: string;
  readonly group: 'Predictions' | 'State' | 'Open Inference Protocol v2' | 'Description';
  readonly summary: string;
  readonly access: RouteAccess;
  /** Whether it asks a model; default false. */
  readonly isPrediction?: boolean;
  /** What the names in the path stand for. */
  readonly params?: Readonly<Record<string, string>>;
  /** Without it, only a GET may have a query, which is ignored. */
  readonly query?: z.ZodObject;
  readonly headers?: Readonly<Record<string, RequestHeader>>;
  readonly body?: Content;
  readonly answer: Content;
  /** Of the answer; default 200. */
  readonly status?: number;
  /** Whether a client that has the answer already gets 304; default false. */
  readonly isKept?: boolean;
  /** Statuses of errors, besides those that any route of this access can answer with. */
  readonly errors: readonly number[];
  readonly error: Content;
}

/** What a handler gives: the declared messages, and anything else through the reply. */
type AnswerOf<R extends Route> =
  | {
      [Type in keyof R['answer']]: R['answer'][Type] extends z.ZodType<infer T> ? T : Buffer;
    }[keyof R['answer']]
  | FastifyReply;

interface Implementation<R extends Route> {
  readonly onRequest?: readonly onRequestHookHandler[];
  readonly handler: (request: FastifyRequest, reply: FastifyReply) => Promise<AnswerOf<R>>;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route asks a model. */
    readonly isPrediction?: boolean;
  }
}

/** Registers a declared route. */
export function addRoute<const R extends Route>(
  app: FastifyInstance,
  { method, path, access, isPrediction = false, query }: R,
  { onRequest = [], handler }: Implementation<R>,
): void {
  app.route({
    method,
    url: path.replace(/\{(\w+)\}/g, ':$1').slice(app.prefix.length),
    // A path of one slash, below a prefix, is a path of its own.
    prefixTrailingSlash: 'slash',
    config: { access, isPrediction },
    onRequest: [...(query ? [] : [refuseQuery]), ...onRequest],
    handler,
  });
}

export const PROBLEM = { 'application/problem+json': problemSchema } as const;
export const TEXT: OpenApiSchema = { type: 'string' };
/** As generators of clients know bytes. */
export const BYTES: OpenApiSchema = {
  type: 'string',
  format: 'binary',
  contentMediaType: 'application/octet-stream',
};

/** A message in JSON. */
export function json<T extends z.ZodType>(message: T): { readonly 'application/json': T } {
  return { 'application/json': message };
}
