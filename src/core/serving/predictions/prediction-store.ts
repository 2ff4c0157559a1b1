import type { Insertable, Kysely, Selectable } from 'kysely';
import { isPostgres, type OpenDatabaseOptions, openDatabase } from './database.js';
import {
  type Feedback,
  type LoggedModel,
  type LoggedPrediction,
  lowestIdAt,
  type ReviewedPrediction,
} from './logged-prediction.js';
import type { Tables } from './tables.js';

/** Predictions that are read at a time. */
const PAGE = 200;

const REVIEWED_COLUMNS = [
  'prediction.id',
  'prediction.request_id',
  'prediction.image_index',
  'prediction.at',
  'prediction.model_digest',
  'prediction.predictions',
  'prediction.source',
  'prediction.decode_ms',
  'prediction.queue_ms',
  'prediction.inference_ms',
  'prediction.total_ms',
  'feedback.at as feedback_at',
  'feedback.label as feedback_label',
] as const;

/** Which predictions are wanted; without anything, all. */
export interface PredictionFilter {
  /** From this time on. */
  readonly since?: Date | undefined;
  /** Before this time. */
  readonly until?: Date | undefined;
  /** That the model took for this class. */
  readonly label?: string | undefined;
  /** Only those with feedback. */
  readonly withFeedback?: boolean | undefined;
  /** Whether to read the pictures that were kept, too; default false. */
  readonly withPixels?: boolean | undefined;
}

/**
 * Predictions and feedback in a database: an SQLite file or PostgreSQL. It connects when it is first needed, and again
 * after a failure; a call for which that is not possible fails.
 */
export class PredictionStore {
  readonly kind: 'sqlite' | 'postgres';
  readonly #url: string;
  readonly #options: OpenDatabaseOptions;
  #database: Promise<Kysely<Tables>> | undefined;
  readonly #closing = new Set<Promise<void>>();
  /** Digests of the models that the database is known to have. */
  readonly #models = new Map<string, LoggedModel>();

  /** @param url `postgres://...`, or the path of an SQLite file */
  constructor(url: string, { readOnly = false, waits }: Partial<OpenDatabaseOptions> = {}) {
    this.kind = isPostgres(url) ? 'postgres' : 'sqlite';
    this.#url = url;
    this.#options = { readOnly, waits };
  }

  /** Connects now rather than at the first call that needs it. */
  connect(): Promise<void> {
    return this.#use(async () => {});
  }

  /** Writes predictions; those that are there already stay as they are. */
  insert(predictions: readonly LoggedPrediction[]): Promise<void> {
    return this.#use(async (db) => {
      await this.#writeModels(db, predictions);
      await db
        .insertInto('roble_predictions')
        .values(predictions.map(predictionRow))
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
    });
  }

  /** The prediction of an image of a request, the newest if an id was used again. */
  find(requestId: string, index: number): Promise<{ id: string; model: LoggedModel } | undefined> {
    return this.#use(async (db) => {
      const row = await db
        .selectFrom('roble_predictions')
        .select(['id', 'model_digest'])
        .where('request_id', '=', requestId)
        .where('image_index', '=', index)
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && { id: row.id, model: await this.#model(db, row.model_digest) };
    });
  }

  /** Keeps the feedback on a prediction, in place of an earlier one. */
  saveFeedback(predictionId: string, { at, label, pixels }: Feedback): Promise<void> {
    return this.#use(async (db) => {
      const content = { at: at.toISOString(), label, pixels: pixels ?? null };
      await db
        .insertInto('roble_feedback')
        .values({ prediction_id: predictionId, ...content })
        .onConflict((conflict) => conflict.column('prediction_id').doUpdateSet(content))
        .execute();
    });
  }

  /**
   * Deletes predictions of before a time that nobody gave feedback on, the oldest first.
   *
   * @returns how many there were, at most the limit
   */
  deleteWithoutFeedback(before: Date, limit: number): Promise<number> {
    return this.#use(async (db) => {
      const { numDeletedRows } = await db
        .deleteFrom('roble_predictions')
        .where('id', 'in', (is) =>
          is
            .selectFrom('roble_predictions as prediction')
            .leftJoin('roble_feedback as feedback', 'feedback.prediction_id', 'prediction.id')
            .select('prediction.id')
            .where('prediction.id', '<', lowestIdAt(before))
            .where('feedback.prediction_id', 'is', null)
            .orderBy('prediction.id')
            .limit(limit),
        )
        .executeTakeFirst();
      return Number(numDeletedRows);
    });
  }

  /** Predictions in the order of their times, read page by page. */
  async *read(filter: PredictionFilter = {}): AsyncGenerator<ReviewedPrediction> {
    let after = filter.since ? lowestIdAt(filter.since) : '';
    for (;;) {
      const page = await this.#use((db) => this.#page(db, filter, after));
      yield* page;
      if (page.length < PAGE) return;
      after = page.at(-1)!.id;
    }
  }

  /** The model of the newest prediction that has feedback and a picture. */
  newestReviewedModel(): Promise<LoggedModel | undefined> {
    return this.#use(async (db) => {
      const row = await db
        .selectFrom('roble_predictions as prediction')
        .innerJoin('roble_feedback as feedback', 'feedback.prediction_id', 'prediction.id')
        .select('prediction.model_digest')
        .where((is) =>
          is.or([is('prediction.pixels', 'is not', null), is('feedback.pixels', 'is not', null)]),
        )
        .orderBy('prediction.id', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && this.#model(db, row.model_digest);
    });
  }

  async close(): Promise<void> {
    this.#disconnect();
    await Promise.all(this.#closing);
  }

  async #use<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    this.#database ??= openDatabase(this.#url, this.#options);
    const database = this.#database;
    try {
      return await work(await database);
    } catch (error) {
      // Another one may have failed before, and this may be the next connection already.
      if (this.#database === database && !isRefusedValue(error)) this.#disconnect();
      throw error;
    }
  }

  #disconnect(): void {
    const closing = this.#database
      ?.then((db) => db.destroy())
      .catch(() => {})
      .finally(() => this.#closing.delete(closing!));
    if (closing) this.#closing.add(closing);
    this.#database = undefined;
    this.#models.clear();
  }

  async #writeModels(db: Kysely<Tables>, predictions: readonly LoggedPrediction[]): Promise<void> {
    const models = new Map(predictions.map(({ model }) => [model.digest, model]));
    const missing = [...models.values()].filter(({ digest }) => !this.#models.has(digest));
    if (missing.length === 0) return;
    await db
      .insertInto('roble_models')
      .values(missing.map(modelRow))
      .onConflict((conflict) => conflict.column('digest').doNothing())
      .execute();
    for (const model of missing) this.#models.set(model.digest, model);
  }

  async #model(db: Kysely<Tables>, digest: string): Promise<LoggedModel> {
    const known = this.#models.get(digest);
    if (known) return known;
    const row = await db
      .selectFrom('roble_models')
      .selectAll()
      .where('digest', '=', digest)
      .executeTakeFirstOrThrow();
    const model = modelOfRow(row);
    this.#models.set(digest, model);
    return model;
  }

  async #page(
    db: Kysely<Tables>,
    { until, label, withFeedback = false, withPixels = false }: PredictionFilter,
    after: string,
  ): Promise<ReviewedPrediction[]> {
    let query = db
      .selectFrom('roble_predictions as prediction')
      .leftJoin('roble_feedback as feedback', 'feedback.prediction_id', 'prediction.id')
      .select(REVIEWED_COLUMNS)
      .$if(withPixels, (full) => full.select(['prediction.pixels', 'feedback.pixels as feedback_pixels']))
      .where('prediction.id', '>', after)
      .orderBy('prediction.id')
      .limit(PAGE);
    if (until) query = query.where('prediction.id', '<', lowestIdAt(until));
    if (label !== undefined)
      query = query.where('prediction.label', 'in', [label, label.normalize('NFC'), label.normalize('NFD')]);
    if (withFeedback) query = query.where('feedback.label', 'is not', null);
    const rows = await query.execute();
    const reviewed: ReviewedPrediction[] = [];
    for (const row of rows) reviewed.push(reviewedOfRow(row, await this.#model(db, row.model_digest)));
    return reviewed;
  }
}

/**
 * Whether the database is well and refuses what is to be written: the same would be refused again. PostgreSQL: data
 * exceptions (class 22) and violated constraints (class 23).
 */
export function isRefusedValue(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^(2[23]...|SQLITE_(CONSTRAINT|MISMATCH|TOOBIG).*)$/.test(code);
}

function modelRow({ digest, name, classes, preprocessing }: LoggedModel): Insertable<Tables['roble_models']> {
  return {
    digest,
    name,
    classes: JSON.stringify(classes),
    preprocessing: JSON.stringify(preprocessing),
  };
}

function predictionRow(logged: LoggedPrediction): Insertable<Tables['roble_predictions']> {
  const [best] = logged.predictions;
  return {
    id: logged.id,
    request_id: logged.requestId,
    image_index: logged.index,
    at: logged.at.toISOString(),
    model_digest: logged.model.digest,
    label: best!.label,
    probability: best!.probability,
    predictions: JSON.stringify(logged.predictions),
    source: logged.source,
    decode_ms: logged.timings.decodeMs,
    queue_ms: logged.timings.queueMs,
    inference_ms: logged.timings.inferenceMs,
    total_ms: logged.timings.totalMs,
    pixels: logged.pixels ?? null,
  };
}

function modelOfRow(row: Selectable<Tables['roble_models']>): LoggedModel {
  return {
    digest: row.digest,
    name: row.name,
    classes: JSON.parse(row.classes),
    preprocessing: JSON.parse(row.preprocessing),
  };
}

type Bytes = ArrayBuffer | Uint8Array | null | undefined;

/** A prediction with its feedback, whose columns are null where nobody gave any. */
export interface ReviewedRow
  extends Omit<Selectable<Tables['roble_predictions']>, 'label' | 'probability' | 'pixels'> {
  pixels?: Bytes;
  feedback_at: Date | string | null;
  feedback_label: string | null;
  feedback_pixels?: Bytes;
}

function reviewedOfRow(row: ReviewedRow, model: LoggedModel): ReviewedPrediction {
  return {
    id: row.id,
    requestId: row.request_id,
    index: row.image_index,
    at: new Date(row.at),
    model,
    predictions: JSON.parse(row.predictions),
    source: row.source,
    timings: {
      decodeMs: row.decode_ms,
      queueMs: row.queue_ms,
      inferenceMs: row.inference_ms,
      totalMs: row.total_ms,
    },
    pixels: bytesOf(row.pixels),
    feedback:
      row.feedback_label === null
        ? undefined
        : {
            at: new Date(row.feedback_at!),
            label: row.feedback_label,
            pixels: bytesOf(row.feedback_pixels),
          },
  };
}

function bytesOf(value: Bytes): Uint8Array | undefined {
  return value ? new Uint8Array(value) : undefined;
}
