import { type Kysely, type Migration, Migrator } from 'kysely';
import type { Tables } from './tables.js';

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
