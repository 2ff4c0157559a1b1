import { dropped, PRIORITIES, type Priority, reasonToDrop, type Urgency } from '../request/urgency.js';

/** An image that waits for a model. */
export interface Job {
  readonly urgency: Urgency;
  readonly image: Uint8Array;
  /** Given the probabilities, and when the model got the image, on the clock of `performance.now()`. */
  readonly settle: (probabilities: Float32Array, startedAt: number) => void;
  readonly fail: (error: Error) => void;
  /** Whether a process ended with it already: then it is not tried again. */
  retried: boolean;
}

/**
 * The images that wait, by priority and then by age. What nobody waits for any more, because its client has gone or its
 * deadline has passed, is dropped before it costs the model anything.
 */
export class ImageQueue {
  /** Second tries, which come before all others. */
  #retries: Job[] = [];
  readonly #waiting: Record<Priority, Job[]> = { high: [], normal: [], low: [] };
  readonly #dropped = { abandoned: 0, expired: 0 };

  get length(): number {
    return PRIORITIES.reduce((sum, priority) => sum + this.#waiting[priority].length, this.#retries.length);
  }

  /** Images that were dropped so far, by reason. */
  get dropped(): { readonly abandoned: number; readonly expired: number } {
    return { ...this.#dropped };
  }

  push(job: Job): void {
    this.#waiting[job.urgency.priority ?? 'normal'].push(job);
  }

  /** Puts images back whose process ended. */
  retry(jobs: readonly Job[]): void {
    for (const job of jobs) job.retried = true;
    this.#retries.unshift(...jobs);
  }

  /**
   * The next images to compute together. A second try is made alone, so that an image that ends processes takes no other
   * along; where `retries` is false it waits on.
   */
  take(limit: number, retries = true): Job[] {
    this.drop();
    if (retries && this.#retries.length > 0) return this.#retries.splice(0, 1);
    const batch: Job[] = [];
    for (const priority of PRIORITIES) batch.push(...this.#waiting[priority].splice(0, limit - batch.length));
    return batch;
  }

  /** Drops what nobody waits for any more. */
  drop(): void {
    const isWanted = (job: Job) => {
      const reason = reasonToDrop(job.urgency);
      if (reason === undefined) return true;
      this.#dropped[reason]++;
      job.fail(dropped(reason));
      return false;
    };
    this.#retries = this.#retries.filter(isWanted);
    for (const priority of PRIORITIES) this.#waiting[priority] = this.#waiting[priority].filter(isWanted);
  }

  /** Fails all that waits. */
  fail(error: () => Error): void {
    for (const job of [
      ...this.#retries.splice(0),
      ...PRIORITIES.flatMap((name) => this.#waiting[name].splice(0)),
    ])
      job.fail(error());
  }
}
