import { DESCRIPTION_ROUTES } from '../http/description-routes.js';
import { EXPLAIN } from '../http/explain-route.js';
import { FEEDBACK } from '../http/feedback-route.js';
import { INFERENCE_PROTOCOL_ROUTES } from '../http/oip/routes.js';
import { PAGE_ROUTES } from '../http/page-routes.js';
import { PREDICT, PREDICT_BATCH } from '../http/prediction-routes.js';
import type { Route } from '../http/route.js';
import { STATE_ROUTES } from '../http/state-routes.js';

/** All that the server answers to, in the order of the OpenAPI document; the administration aside, which listens elsewhere. */
export const ROUTES: readonly Route[] = [
  PREDICT,
  PREDICT_BATCH,
  EXPLAIN,
  FEEDBACK,
  ...Object.values(STATE_ROUTES),
  ...INFERENCE_PROTOCOL_ROUTES,
  ...Object.values(PAGE_ROUTES),
  ...Object.values(DESCRIPTION_ROUTES),
];
