import { knownClass } from '../../model/known-class.js';
import { heatMap } from '../../predict/heat-map.js';
import type { Seat } from '../admission/admission.js';
import { explanationsOf } from '../admission/explanations.js';
import type { ServedModel } from '../models/served-model.js';
import type { ModelChoice } from '../models/served-models.js';
import { withLease } from '../models/with-lease.js';
import type { RequestRecord } from '../request/record.js';
import type { ExplainAnswer } from '../request/schemas.js';
import { checkWanted, type Urgency } from '../request/urgency.js';
import { compute } from './compute.js';
import { type ReceivedImage, toModelPixels } from './received-image.js';
import type { ServingScope } from './serving-scope.js';

/** Covered pictures that a process gets together: a prediction that comes meanwhile waits for no more. */
const BATCH_OF_A_WORKER = 4;

export interface ExplainOptions {
  readonly requestId: string;
  readonly model: ModelChoice;
  /** Where the outcome is noted: `request.record`. */
  readonly record: RequestRecord;
  /** Of images that nobody minds to wait for: a low priority. */
  readonly urgency: Urgency;
  /** By default the most probable one. */
  readonly className: string | undefined;
  /** Rows and columns. */
  readonly grid: number;
}

/**
 * Where in the picture the answer stands, by covering one place after the other. Covered pictures are no questions of
 * anybody: they go by the caches, and neither the log of the predictions nor the drift monitor sees them.
 */
export async function explainImage(
  scope: ServingScope,
  image: ReceivedImage,
  options: ExplainOptions,
): Promise<ExplainAnswer> {
  const { admission, models } = scope;
  const { model, urgency, grid } = options;
  return explanationsOf(scope).inTurn(urgency, async () => {
    const seat = admission.takeSeat({
      model: model.name,
      priority: urgency.priority,
      count: grid ** 2 + 1,
    });
    try {
      return await withLease(models.lease(model), (leased) =>
        explainWith(leased, scope, seat, image, options),
      );
    } finally {
      seat.release();
    }
  });
}

async function explainWith(
  model: ServedModel,
  scope: ServingScope,
  seat: Seat,
  image: ReceivedImage,
  { requestId, record, urgency, className, grid }: ExplainOptions,
): Promise<ExplainAnswer> {
  const { bundle, pool, label: modelLabel } = model;
  const { preprocessing } = bundle.manifest;
  record.model = modelLabel;
  checkWanted(urgency);
  const label = className === undefined ? undefined : knownClass(className, bundle.classes).index;
  const started = performance.now();
  const pixels = await toModelPixels(image, preprocessing, scope);
  const decoded = performance.now();
  let images = 0;
  const predict = (pictures: readonly Uint8Array[]) => {
    images += pictures.length;
    return Promise.all(
      pictures.map(async (picture) => {
        const answer = compute(pool, picture, urgency, seat);
        seat.occupyUntil(answer);
        return (await answer).probabilities;
      }),
    );
  };
  const batchSize = BATCH_OF_A_WORKER * Math.max(1, pool.readyWorkers);
  const map = await heatMap(pixels, { shape: preprocessing, label, grid, batchSize, predict });
  const ended = performance.now();
  record.images = images;
  return {
    requestId,
    class: bundle.classes[map.label]!,
    probability: map.probability,
    rows: map.falls.length,
    columns: map.falls[0]!.length,
    falls: map.falls.map((row) => [...row]),
    images,
    timings: { decodeMs: decoded - started, totalMs: ended - started },
    model: modelLabel,
  };
}
