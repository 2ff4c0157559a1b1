import { availableParallelism } from 'node:os';
import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { mapOrdered } from '../../base/map-ordered.js';
import type { BadSample } from '../../data/formats/source.js';
import type { Classifier, PreparedPicture } from './classifier.js';
import type { KnownPictures } from './known-pictures.js';
import { type PairedComparison, PairedCounts } from './paired-comparison.js';
import type { ConfidentMistake, Evaluation, EvaluationPictures, LeftOutSample } from './result.js';
import { leftOutFor, nothingToJudge, type Subject, type SubjectSample } from './subject.js';
import { EvaluationTally, type TallyOptions } from './tally.js';

/** Pictures that go through a model at a time: bounds the memory, however many there are. */
const BATCH = 64;

/** What to do with the samples of a subject. */
export interface JudgingOptions extends Omit<TallyOptions, 'classes'> {
  readonly models: readonly Classifier[];
  /** The name of a label, which may be a number. */
  readonly nameOf: (source: string, label: string | number) => string;
  /** The pictures that models of the same fingerprint were trained on, where they are known. */
  readonly known: KnownPictures | undefined;
  /** Hears what is noticed about the source. */
  readonly warn: (message: string) => void;
}

export interface JudgedSubject {
  /** Of each model. */
  readonly evaluations: readonly Evaluation[];
  readonly pictures: readonly EvaluationPictures[];
  readonly comparisons: readonly PairedComparison[];
  readonly leftOut: readonly LeftOutSample[];
  /** How many pictures each kind of conversion happened to, such as 16 bits to 8. */
  readonly notices: ReadonlyMap<string, number>;
}

interface Candidate {
  readonly source: string;
  readonly label: string;
  /** For each model. */
  readonly prepared: readonly PreparedPicture<unknown>[];
}

/**
 * Judges every model on the same samples, a batch at a time: what one model cannot take is left out for all.
 *
 * @throws {RobleError} `ROBLE_SOURCE_EMPTY` without a sample that can be judged
 */
export async function judgeSubject(
  subject: Subject,
  options: JudgingOptions,
  { signal, reporter }: Context,
): Promise<JudgedSubject> {
  const judge = new Judge(options);
  const samples = mapOrdered(subject.samples(options.warn), 2 * availableParallelism(), (sample) =>
    prepare(sample, options),
  );
  let [batch, done]: [Candidate[], number] = [[], 0];
  const flush = async () => {
    signal?.throwIfAborted();
    await judge.add(batch);
    done += batch.length;
    batch = [];
    const total = subject.count === undefined ? {} : { total: subject.count };
    reporter?.report({ type: 'progress', id: 'evaluate', done, ...total, unit: 'images' });
  };
  for await (const sample of samples) {
    if ('code' in sample) judge.leftOut.push(sample);
    else if (batch.push(sample) === BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  if (judge.count === 0) throw nothingToJudge(subject.path, judge.leftOut);
  return judge.result();
}

async function prepare(
  sample: SubjectSample | BadSample,
  { models, nameOf }: JudgingOptions,
): Promise<Candidate | LeftOutSample> {
  const { source } = sample;
  try {
    if ('error' in sample) throw sample.error;
    const label = nameOf(source, sample.label);
    const prepared = await Promise.all(
      models.map((model) => model.prepare(sample.picture, sample.transpose)),
    );
    return { source, label, prepared };
  } catch (thrown) {
    return leftOutFor(source, thrown);
  }
}

/** All models, with what they answered so far. */
class Judge {
  readonly leftOut: LeftOutSample[] = [];
  readonly #models: readonly ModelOnTrial[];
  readonly #paired: PairedCounts;
  readonly #notices = new Map<string, number>();

  constructor({ models, known, ...options }: JudgingOptions) {
    this.#models = models.map((model) => new ModelOnTrial(model, options, known));
    this.#paired = new PairedCounts(models.length);
  }

  get count(): number {
    return this.#models[0]!.tally.count;
  }

  async add(candidates: readonly Candidate[]): Promise<void> {
    const answers: (Float32Array | RobleError)[][] = [];
    for (const [m, trial] of this.#models.entries())
      answers.push(await trial.predict(candidates.map(({ prepared }) => prepared[m]!.content)));
    for (const [i, { source, label, prepared }] of candidates.entries()) {
      const given = answers.map((ofModel) => ofModel[i]!);
      const failure = given.find((answer) => answer instanceof RobleError);
      if (failure) {
        this.leftOut.push(leftOutFor(source, failure));
        continue;
      }
      for (const notice of new Set(prepared.flatMap(({ notices }) => notices)))
        this.#notices.set(notice, (this.#notices.get(notice) ?? 0) + 1);
      this.#paired.add(
        this.#models.map((trial, m) =>
          trial.judge(source, label, prepared[m]!.content, given[m] as Float32Array),
        ),
      );
    }
    for (const trial of this.#models) await trial.endBatch();
  }

  async result(): Promise<JudgedSubject> {
    const results = [];
    for (const trial of this.#models) results.push(await trial.result());
    return {
      evaluations: results.map(({ evaluation }) => evaluation),
      pictures: results.map(({ pictures }) => pictures),
      comparisons: this.#paired.compare(this.#models.map(({ model }) => model.place)),
      leftOut: this.leftOut,
      notices: this.#notices,
    };
  }
}

type JudgedSample = Pick<ConfidentMistake, 'source' | 'label'> & { readonly prepared: unknown };

/** One model with what it answered so far. */
class ModelOnTrial {
  readonly model: Classifier;
  readonly tally: EvaluationTally;
  readonly #known: KnownPictures | undefined;
  /** Those of the last batch, and of the mistakes before. */
  #samples = new Map<number, JudgedSample>();
  #batch: unknown[] = [];
  #knownCount = 0;
  #predictMs = 0;

  constructor(model: Classifier, options: Omit<TallyOptions, 'classes'>, known: KnownPictures | undefined) {
    this.model = model;
    this.tally = new EvaluationTally({ ...options, classes: model.classes });
    this.#known = known?.fingerprint === model.dataFingerprint ? known : undefined;
  }

  async predict(pictures: readonly unknown[]): Promise<(Float32Array | RobleError)[]> {
    const start = performance.now();
    const answers = await this.model.predict(pictures);
    this.#predictMs += performance.now() - start;
    return answers;
  }

  judge(source: string, label: string, prepared: unknown, answer: Float32Array): boolean {
    this.#samples.set(this.tally.count, { source, label, prepared });
    this.#batch.push(prepared);
    return this.tally.add(label, answer);
  }

  /** Forgets the pictures that nobody will ask for. */
  async endBatch(): Promise<void> {
    const kept = this.tally.mistakes.map(({ index }) => [index, this.#samples.get(index)!] as const);
    this.#samples = new Map(kept);
    if (this.#known)
      for (const pixels of await this.model.pixelsOf(this.#batch))
        if (this.#known.has(pixels)) this.#knownCount++;
    this.#batch = [];
  }

  async result(): Promise<{ evaluation: Evaluation; pictures: EvaluationPictures }> {
    const { place, input } = this.model;
    const wrong = this.tally.mistakes.map(({ index }) => this.#samples.get(index)!);
    return {
      evaluation: this.tally.result(
        {
          model: place,
          imagesPerSecond: this.tally.count / (this.#predictMs / 1000),
          ...(this.#known && { trainedOn: this.#knownCount }),
        },
        this.#samples,
      ),
      pictures: {
        table: this.tally.table(),
        mistakes: await this.model.pixelsOf(wrong.map(({ prepared }) => prepared)),
        shape: input,
      },
    };
  }
}
