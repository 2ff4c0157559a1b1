import { DESCRIPTION_ROUTES } from './description-routes.js';
import { FEEDBACK } from './feedback-route.js';
import { INFERENCE_PROTOCOL_ROUTES } from './oip/routes.js';
import { PAGE_ROUTES } from './page-routes.js';
import { PREDICT, PREDICT_BATCH } from './prediction-routes.js';
import type { Route } from './route.js';
import { STATE_ROUTES } from './state-routes.js';

/** All that the server answers to, in the order of the OpenAPI document; the administration aside, which listens elsewhere. */
export const ROUTES: readonly Route[] = [
  PREDICT,
  PREDICT_BATCH,
  FEEDBACK,
  ...Object.values(STATE_ROUTES),
  ...INFERENCE_PROTOCOL_ROUTES,
  ...Object.values(PAGE_ROUTES),
  ...Object.values(DESCRIPTION_ROUTES),
];
