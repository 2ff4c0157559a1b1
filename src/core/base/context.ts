import { type Problem, RobleError } from './errors.js';

/**
 * What a long operation reports about itself. A reporter shows it (ink, listr2, plain lines, NDJSON) or ignores it.
 * `type` names the kind; the rest is plain data that survives JSON. Operations may have kinds of their own besides.
 */
export type ProgressEvent =
  | {
      readonly type: 'step';
      readonly id: string;
      readonly title: string;
      readonly status: 'started' | 'done' | 'failed';
    }
  | {
      readonly type: 'progress';
      readonly id: string;
      readonly done: number;
      readonly total?: number;
      readonly unit: string;
    }
  /** Something that people want to know, and that is as it should be. */
  | { readonly type: 'note'; readonly message: string }
  | ({ readonly type: 'warning'; readonly message: string } & Partial<Problem>);

export interface Reporter<Event = ProgressEvent> {
  report(event: Event): void;
}

/** What every long-running function of the library takes besides its options. All parts are optional. */
export interface Context<Event = ProgressEvent> {
  /** Aborting it ends the work at the next safe point: nothing half-written is left. */
  readonly signal?: AbortSignal | undefined;
  readonly reporter?: Reporter<Event> | undefined;
}

/** Reports a step around a piece of work. */
export async function withStep<T>(
  context: Context,
  id: string,
  title: string,
  work: () => Promise<T>,
): Promise<T> {
  context.reporter?.report({ type: 'step', id, title, status: 'started' });
  try {
    const result = await work();
    context.reporter?.report({ type: 'step', id, title, status: 'done' });
    return result;
  } catch (error) {
    context.reporter?.report({ type: 'step', id, title, status: 'failed' });
    throw error;
  }
}

/** @throws {RobleError} `ROBLE_INTERRUPTED` once the signal has aborted */
export function refuseInterrupted({ signal }: Pick<Context, 'signal'>): void {
  if (!signal?.aborted) return;
  throw signal.reason instanceof RobleError
    ? signal.reason
    : new RobleError('ROBLE_INTERRUPTED', 'The work was interrupted.');
}
