import { RobleError, saysOutOfMemory } from '../core/plugin/index.js';

/**
 * Runs work of a library that reports a lack of memory only by its messages.
 *
 * @param words further messages that mean it in this library
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
    if (!saysOutOfMemory(message) && !words?.test(message)) throw cause;
    throw new RobleError('ROBLE_OUT_OF_MEMORY', `The engine "${engine}" could not allocate memory.`, {
      received: message,
      nextSteps: ['Use a smaller train.batchSize or train.microbatchSize, or give the process more memory.'],
      cause,
    });
  }
}
