import { LRUCache } from 'lru-cache';
import type { SharedCounts } from './shared-counts.js';

/** Senders whose requests are counted at once; the one that was silent for the longest is forgotten first. */
const MAX_SENDERS = 100_000;

interface Window {
  endsAt: number;
  /** What the sender sent to all servers, as far as this one knows. */
  total: number;
}

/** How `@fastify/rate-limit` is told a count. */
type Told = (error: Error | null, result?: { current: number; ttl: number }) => void;

/**
 * Counts requests by sender in fixed windows, for `@fastify/rate-limit`; in Redis where several servers share the limit.
 * When Redis does not answer, a server goes on from the last count that it knows, and takes each request for one to every
 * server that was at work: all together let through about what the one limit allows.
 */
export class LimitStore {
  readonly #windows = new LRUCache<string, Window>({ max: MAX_SENDERS });
  readonly #shared: SharedCounts | undefined;
  #servers = 1;

  constructor(shared: SharedCounts | undefined) {
    this.#shared = shared;
  }

  incr(sender: string, told: Told, windowMs: number): void {
    this.#count(sender, windowMs).then(
      ({ total, endsAt }) => told(null, { current: total, ttl: Math.max(1, endsAt - performance.now()) }),
      (error: Error) => told(error),
    );
  }

  /** Part of the contract of stores; no route has limits of its own. */
  child(): this {
    return this;
  }

  async #count(sender: string, windowMs: number): Promise<Window> {
    const shared = await this.#shared?.count(sender);
    const window = this.#windowOf(sender, windowMs);
    if (shared) {
      this.#servers = Math.max(1, shared.servers);
      window.total = shared.count;
      window.endsAt = performance.now() + shared.leftMs;
    } else window.total += this.#servers;
    // A copy: the next request may count before this one is answered.
    return { ...window };
  }

  #windowOf(sender: string, windowMs: number): Window {
    const now = performance.now();
    const current = this.#windows.get(sender);
    if (current && current.endsAt > now) return current;
    const next = { endsAt: now + windowMs, total: 0 };
    this.#windows.set(sender, next);
    return next;
  }
}
