import type { Redis } from 'ioredis';
import type CircuitBreaker from 'opossum';

/** Longest wait for a connection and for an answer; doing without Redis takes no longer. */
const CONNECT_MS = 500;
const COMMAND_MS = 50;
/** When half of at least this many calls within a second have failed, Redis is left alone... */
const MIN_CALLS = 5;
/** ...and asked again after this. */
const RETRY_MS = 2000;

/** A circuit breaker (Nygard, Release It!) for calls to Redis: it stops asking until Redis is well again. */
export const REDIS_BREAKER: CircuitBreaker.Options = {
  timeout: COMMAND_MS,
  volumeThreshold: MIN_CALLS,
  errorThresholdPercentage: 50,
  rollingCountTimeout: 1000,
  rollingCountBuckets: 10,
  resetTimeout: RETRY_MS,
};

/**
 * Connects; where that fails or takes long, it goes on in the background, and calls fail at once meanwhile.
 *
 * @param url `redis://` or `rediss://`
 * @param use what Redis is wanted for, and what happens without it, for the warnings
 * @param warn called when Redis is lost and when it is back, without the URL, which may hold a password
 */
export async function connectRedis(
  url: string,
  use: { readonly what: string; readonly without: string },
  warn: (message: string) => void,
): Promise<Redis> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, RETRY_MS),
  });
  let isLost = false;
  redis.on('error', (error: Error) => {
    if (!isLost) warn(`${use.what} in Redis cannot be reached (${error.message}); ${use.without}.`);
    isLost = true;
  });
  redis.on('ready', () => {
    if (isLost) warn(`${use.what} in Redis can be reached again.`);
    isLost = false;
  });
  await new Promise((resolve) => {
    redis.once('ready', resolve);
    redis.once('error', resolve);
    setTimeout(resolve, CONNECT_MS).unref();
  });
  return redis;
}
