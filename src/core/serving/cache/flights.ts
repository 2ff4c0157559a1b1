import { Cancellation, checkWanted, reasonToDrop, type Urgency, whileWanted } from '../request/urgency.js';

/** One computation that several requests wait for. */
interface Flight<T> {
  readonly result: Promise<T>;
  readonly urgency: Urgency & { deadline: number };
  readonly cancellation: Cancellation;
  waiters: number;
  isDone: boolean;
}

/**
 * Computes what several ask for at the same time only once. It goes on as long as one of them waits, and as long as the
 * most patient one does; each hears in time when it is too late for itself.
 */
export class Flights<T> {
  readonly #open = new Map<string, Flight<T>>();

  /** @param compute given the urgency of all who wait for this key */
  async run(
    key: string,
    urgency: Urgency,
    compute: (urgency: Urgency) => Promise<T>,
  ): Promise<{ value: T; shared: boolean }> {
    checkWanted(urgency);
    const known = this.#open.get(key);
    const flight = known ?? this.#start(key, urgency, compute);
    flight.waiters++;
    flight.urgency.deadline = Math.max(flight.urgency.deadline, urgency.deadline ?? Number.POSITIVE_INFINITY);
    try {
      return { value: await whileWanted(flight.result, urgency), shared: known !== undefined };
    } finally {
      flight.waiters--;
      if (flight.waiters === 0) {
        if (!flight.isDone) flight.cancellation.cancel(reasonToDrop(urgency) ?? 'abandoned');
        this.#forget(key, flight);
      }
    }
  }

  #start(key: string, { priority }: Urgency, compute: (urgency: Urgency) => Promise<T>): Flight<T> {
    const cancellation = new Cancellation();
    const urgency = { ...(priority && { priority }), cancellation, deadline: 0 };
    // Later than this function, so that the deadline of the first one who waits is known.
    const result = Promise.resolve()
      .then(() => compute(urgency))
      .finally(() => {
        flight.isDone = true;
      });
    const flight: Flight<T> = { result, urgency, cancellation, waiters: 0, isDone: false };
    this.#open.set(key, flight);
    return flight;
  }

  /** Who asks after the last one has left starts anew. */
  #forget(key: string, flight: Flight<T>): void {
    if (this.#open.get(key) === flight) this.#open.delete(key);
  }
}
