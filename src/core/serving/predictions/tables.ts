import { type ColumnType, type Kysely, type Migration, Migrator } from 'kysely';

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

/** How long the log of a server waits for its database, in milliseconds. */
export interface DatabaseWaits {
  /** For a connection to PostgreSQL. */
  readonly connectMs: number;
  /** For the answer to a statement; of SQLite, for another process that writes. */
  readonly statementMs: number;
}

/**
 * The tables of the log, for both databases: SQLite takes any name of a type and keeps texts and bytes under it as they
 * are.
 */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '001-predictions': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('roble_models')
        .addColumn('digest', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('classes', 'text', (column) => column.notNull())
        .addColumn('preprocessing', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('roble_predictions')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('request_id', 'text', (column) => column.notNull())
        .addColumn('image_index', 'integer', (column) => column.notNull())
        .addColumn('at', 'timestamptz', (column) => column.notNull())
        .addColumn('model_digest', 'text', (column) => column.notNull())
        .addColumn('label', 'text', (column) => column.notNull())
        .addColumn('probability', 'double precision', (column) => column.notNull())
        .addColumn('predictions', 'text', (column) => column.notNull())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('decode_ms', 'double precision', (column) => column.notNull())
        .addColumn('queue_ms', 'double precision', (column) => column.notNull())
        .addColumn('inference_ms', 'double precision', (column) => column.notNull())
        .addColumn('total_ms', 'double precision', (column) => column.notNull())
        .addColumn('pixels', 'bytea')
        .execute();
      await db.schema
        .createIndex('roble_predictions_request')
        .on('roble_predictions')
        .columns(['request_id', 'image_index'])
        .execute();
      await db.schema
        .createTable('roble_feedback')
        .addColumn('prediction_id', 'text', (column) => column.primaryKey())
        .addColumn('at', 'timestamptz', (column) => column.notNull())
        .addColumn('label', 'text', (column) => column.notNull())
        .addColumn('pixels', 'bytea')
        .execute();
    },
  },
};

/** Brings the tables to the newest form; of several servers that start at once, one does it and the others wait. */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => MIGRATIONS },
    migrationTableName: 'roble_migrations',
    migrationLockTableName: 'roble_migrations_lock',
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}
