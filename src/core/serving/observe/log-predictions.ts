import type { AnswerListener } from '../models/answered-image.js';
import type { LogWaits, PredictionLog } from '../predictions/prediction-log.js';
import type { ServeOptions } from '../settings.js';

type LogOptions = ServeOptions['predictions'];

/** The log of a server, if it keeps one. The database need not be there. */
export async function openPredictionLog(
  { url, maxQueueBytes, keepDays }: LogOptions,
  warn: (message: string) => void,
  waits?: Partial<LogWaits>,
): Promise<PredictionLog | undefined> {
  if (url === 'none') return undefined;
  const { PredictionLog } = await import('../predictions/prediction-log.js');
  const log = new PredictionLog({ url, maxQueueBytes, keepDays, waits, warn });
  void log.connect();
  return log;
}

/** Keeps every answer; what the model saw only when that is asked for. */
export function logPredictions(
  log: PredictionLog | undefined,
  { keepImages }: LogOptions,
): readonly AnswerListener[] {
  if (!log) return [];
  return [
    ({ requestId, index, at, model, predictions, source, timings, pixels }) => {
      const { bundle, label } = model;
      const { preprocessing } = bundle.manifest;
      log.add({
        requestId,
        index,
        at,
        model: { ...label, classes: bundle.classes, preprocessing },
        predictions,
        source,
        timings,
        ...(keepImages && { pixels }),
      });
    },
  ];
}
