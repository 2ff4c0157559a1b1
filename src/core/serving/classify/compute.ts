import type { Seat } from '../admission/admission.js';
import type { ComputedAnswer, InferencePool } from '../inference/pool.js';
import type { Urgency } from '../request/urgency.js';

/** Lets the model compute an image; from these, the overload control learns how fast the model is. */
export async function compute(
  pool: InferencePool,
  pixels: Uint8Array,
  urgency: Urgency,
  seat: Seat,
): Promise<ComputedAnswer> {
  let isComputed = false;
  seat.imageEnters();
  try {
    const answer = await pool.predict(pixels, urgency);
    isComputed = true;
    return answer;
  } finally {
    seat.imageLeaves(isComputed);
  }
}
