import type { Lease, ServedModel } from './served-model.js';

/** Works with a leased model; where that is a canary and fails, with the stable model. Releases the lease. */
export async function withLease<T>(lease: Lease, work: (model: ServedModel) => Promise<T>): Promise<T> {
  let instead: Lease | undefined;
  try {
    const done = await work(lease.model);
    lease.succeeded();
    return done;
  } catch (error) {
    instead = lease.failed(error);
    if (!instead) throw error;
  } finally {
    lease.release();
  }
  return withLease(instead, work);
}
