import type { PictureThreads } from '../../image/picture-threads.js';
import type { ServerAccess } from '../access/access.js';
import type { Admission } from '../admission/admission.js';
import type { Explanations } from '../admission/explanations.js';
import type { AnswerCache } from '../cache/answer-cache.js';
import type { AnswerListener } from '../models/answered-image.js';
import type { ServedModels } from '../models/served-models.js';
import type { DriftMonitor } from '../observe/drift.js';
import type { ServerStatistics } from '../observe/statistics.js';
import type { PredictionLog } from '../predictions/prediction-log.js';
import type { RequestRecorder } from '../request/record.js';
import type { RequestLimits } from '../request/settings.js';

/** What the routes work with. */
export interface ServingScope {
  readonly access: ServerAccess;
  readonly models: ServedModels;
  readonly cache: AnswerCache;
  readonly admission: Admission;
  readonly statistics: ServerStatistics;
  readonly drift: DriftMonitor;
  /** Called for every image that is answered. */
  readonly listeners: readonly AnswerListener[];
  /** Where predictions are kept. */
  readonly predictions: PredictionLog | undefined;
  /** Undefined: answers are not explained. */
  readonly explanations: Explanations | undefined;
  /** Records every request. */
  readonly recorder: RequestRecorder;
  readonly limits: RequestLimits;
  /** Decode what is sent. */
  readonly pictures: PictureThreads;
  readonly isStopping: () => boolean;
  /** Called with what an answer does not reveal. */
  readonly warn: (message: string) => void;
}
