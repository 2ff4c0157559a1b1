import { RobleError } from '../core/plugin/index.js';

/** How allocators, V8 and the C++ library word a lack of memory. */
const COMMON_WORDS =
  /failed to allocate memory|bad_alloc|bad allocation|out of memory|allocation failed|std::length_error/i;

/**
 * Does work of a library that reports a lack of memory in words only: in the common ones, or in those given.
 *
 * @throws {RobleError} `ROBLE_OUT_OF_MEMORY`
 */
export async function withMemoryErrors<T>(
  engine: string,
  work: () => Promise<T>,
  words?: RegExp,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    if (!COMMON_WORDS.test(message) && !words?.test(message)) throw cause;
    throw new RobleError('ROBLE_OUT_OF_MEMORY', `The engine "${engine}" could not allocate memory.`, {
      received: message,
      nextSteps: ['Use a smaller train.batchSize or train.microbatchSize, or give the process more memory.'],
      cause,
    });
  }
}
