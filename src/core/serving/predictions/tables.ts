import type { ColumnType } from 'kysely';

/** SQLite gives text, PostgreSQL a `Date`. */
type TimeColumn = ColumnType<string | Date, string, string>;
/** SQLite gives an `ArrayBuffer`, PostgreSQL a `Buffer`. */
type BytesColumn = ColumnType<
  ArrayBuffer | Uint8Array | null,
  Uint8Array | null | undefined,
  Uint8Array | null
>;

/** What a digest stands for. Its lists are JSON. */
interface ModelRow {
  digest: string;
  name: string;
  classes: string;
  preprocessing: string;
}

interface PredictionRow {
  /** A UUID of version 7: its order is that of the time. */
  id: string;
  request_id: string;
  image_index: number;
  at: TimeColumn;
  model_digest: string;
  /** The most probable class. */
  label: string;
  probability: number;
  /** JSON of the predictions as they were answered, best first. */
  predictions: string;
  source: string;
  decode_ms: number;
  queue_ms: number;
  inference_ms: number;
  total_ms: number;
  pixels: BytesColumn;
}

interface FeedbackRow {
  prediction_id: string;
  at: TimeColumn;
  /** The right class. */
  label: string;
  pixels: BytesColumn;
}

export interface Tables {
  roble_models: ModelRow;
  roble_predictions: PredictionRow;
  roble_feedback: FeedbackRow;
}
