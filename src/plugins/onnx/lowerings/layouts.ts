import { BLOCKED_DOMAIN, type GraphBuilder, type Value } from '../../../engine-kit/onnx/graph.js';

/**
 * The two layouts that pictures [N, C, H, W] may lie in: plain, as the shape says, or in the runtime's blocks,
 * [N, C/b, H, W, b] in memory under the same shape. The graph's values do not say which, so it is kept here; each is
 * rearranged at most once, where somebody asks for the other form.
 */
export class Layouts {
  readonly graph: GraphBuilder;
  /** Channels in a block; 0: there are no blocks here. */
  readonly blockSize: number;
  /** The number of channels of each value that lies in blocks. */
  readonly #channels = new Map<Value, number>();
  readonly #plain = new Map<Value, Value>();
  readonly #blocked = new Map<Value, Value>();

  constructor(graph: GraphBuilder, blockSize: number) {
    this.graph = graph;
    this.blockSize = blockSize;
  }

  /** Whether channels, or samples in their place, are whole blocks. */
  fits(...counts: readonly number[]): boolean {
    return this.blockSize > 0 && counts.every((count) => count % this.blockSize === 0);
  }

  /** Records that a value lies in blocks. */
  inBlocks(value: Value, channels: number): Value {
    this.#channels.set(value, channels);
    return value;
  }

  isBlocked(value: Value): boolean {
    return this.#channels.has(value);
  }

  plain(value: Value): Value {
    const channels = this.#channels.get(value);
    if (channels === undefined) return value;
    const known = this.#plain.get(value);
    if (known !== undefined) return known;
    const plain = this.graph.op('ReorderOutput', [value], { channels }, BLOCKED_DOMAIN);
    this.#plain.set(value, plain);
    this.#blocked.set(plain, value);
    return plain;
  }

  /** Pictures whose channels are whole blocks. */
  blocked(value: Value, channels: number): Value {
    if (this.isBlocked(value)) return value;
    const known = this.#blocked.get(value);
    if (known !== undefined) return known;
    const blocked = this.graph.op('ReorderInput', [value], {}, BLOCKED_DOMAIN);
    this.#blocked.set(value, blocked);
    this.#plain.set(blocked, value);
    return this.inBlocks(blocked, channels);
  }

  /** A value in the layout that another one of its shape lies in. */
  like(model: Value, value: Value): Value {
    const channels = this.#channels.get(model);
    return channels === undefined ? this.plain(value) : this.blocked(value, channels);
  }

  /** Records that a value lies as another one of its shape does: it was computed from that one, value by value. */
  inLayoutOf(model: Value, value: Value): Value {
    const channels = this.#channels.get(model);
    return channels === undefined ? value : this.inBlocks(value, channels);
  }
}
