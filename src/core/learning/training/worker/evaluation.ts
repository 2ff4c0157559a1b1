import { spreadIndices } from '../../../base/collections.js';
import type { LoadedSplit } from '../../../data/dataset/format.js';
import {
  type AnswerProfile,
  type MeasuredAnswer,
  measureAnswer,
  profileOf,
} from '../../../model/answer-profile.js';
import { type EvaluationOptions, streamPredictions } from '../evaluation/stream-predictions.js';
import { epochInWork, recordEvent, type TrainingRun } from './training-run.js';

/** Pictures that a profile is made of at most: more say little more, and take as long as they do in an epoch. */
const MAX_PICTURES = 5000;

/** How the weights that the session has answer pictures spread over the validation split; undefined when asked to stop. */
export async function profileAnswers(run: TrainingRun): Promise<AnswerProfile | undefined> {
  const split = spread(run.validation, MAX_PICTURES);
  const size = split.images.length / split.count;
  const answers: MeasuredAnswer[] = [];
  const add = ({ index, probabilities }: { index: number; probabilities: Float32Array }) => {
    answers.push(measureAnswer(split.images.subarray(index * size, (index + 1) * size), probabilities));
  };
  const isComplete = await streamPredictions(run.session, split, [{ add }], {
    ...evaluationOptions(run),
    onBatch: () => !run.shouldStop(),
  });
  return isComplete ? profileOf(answers, run.manifest.classes.length) : undefined;
}

/** At most `limit` samples of a split, spread evenly: samples may be in the order of their classes. */
function spread(split: LoadedSplit, limit: number): LoadedSplit {
  const { images, labels, count } = split;
  if (count <= limit) return split;
  const size = images.length / count;
  const some = {
    count: limit,
    images: new Uint8Array(new SharedArrayBuffer(limit * size)),
    labels: new Uint16Array(new SharedArrayBuffer(limit * Uint16Array.BYTES_PER_ELEMENT)),
  };
  for (const [i, sample] of spreadIndices(count, limit).entries()) {
    some.images.set(images.subarray(sample * size, (sample + 1) * size), i * size);
    some.labels[i] = labels[sample]!;
  }
  return some;
}

/** How the run evaluates: it hears the request to stop, and keeps a batch size that fits into the memory. */
export function evaluationOptions(run: TrainingRun): EvaluationOptions {
  const { emit, shouldStop, validation } = run;
  const epoch = epochInWork(run);
  const tell = (done: number) => {
    const batchSize = run.progress.memory.evaluationBatchSize;
    emit({ kind: 'evaluating', epoch, done, total: validation.count, batchSize });
  };
  // Before the first batch: whoever looks on knows what was tried, should the process be ended for it.
  tell(0);
  return {
    batchSize: run.progress.memory.evaluationBatchSize,
    onBatch(done) {
      tell(done);
      return !shouldStop();
    },
    onOutOfMemory(evaluationBatchSize) {
      run.progress = { ...run.progress, memory: { ...run.progress.memory, evaluationBatchSize } };
      void recordEvent(run, {
        event: 'out-of-memory',
        detail: `the evaluation did not fit into the memory: it goes on with ${evaluationBatchSize} images at once`,
      });
    },
  };
}
