/** The process that decodes Parquet files: damage in one can keep the decoder busy without end, or take all its memory. */
import type { AsyncBuffer, FileMetaData, ParquetRow } from 'hyparquet';
import { RobleError } from '../../base/errors.js';
import { openPlainFile } from '../../base/storage/read-file.js';
import type { FromParquetChild, ToParquetChild } from './parquet-process.js';

/** Rows and bytes of pictures that go in one message, about. */
const MAX_ROWS = 1000;
const MAX_BYTES = 2 ** 22;

let opened: { readonly file: AsyncBuffer; readonly metadata: FileMetaData };
/** Those of the row group in work, and how many of them went already. */
let rows: ParquetRow[] = [];
let sent = 0;

// Who asked decides when the work ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));
process.on('message', async (message: ToParquetChild) => {
  process.send!(await answer(message).catch(failure));
});

async function answer(message: ToParquetChild): Promise<FromParquetChild> {
  if (message.type === 'open') return open(message.path);
  if (message.type === 'group') await decode(message);
  return { type: 'rows', rows: nextRows() };
}

/** The decoder throws errors of its own at whatever is wrong with a file; those of the disk name a system call. */
function failure(cause: unknown): FromParquetChild {
  if (cause instanceof RobleError || (cause as NodeJS.ErrnoException).syscall !== undefined)
    return { type: 'failed', error: RobleError.from(cause).toJSON() };
  return { type: 'damaged', reason: (cause as Error).message };
}

async function open(path: string): Promise<FromParquetChild> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetSchema } = await import('hyparquet');
  // The library would wait for a pipe.
  await (await openPlainFile(path)).close();
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file, { geoparquet: false });
  opened = { file, metadata };
  return { type: 'opened', metadata, schema: parquetSchema(metadata) };
}

async function decode({ rowStart, rowEnd, columns }: Extract<ToParquetChild, { type: 'group' }>) {
  const { parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  sent = 0;
  rows = await parquetReadObjects({
    ...{ ...opened, compressors, rowStart, rowEnd, columns: [...columns] },
    // Only what is marked as text is text.
    ...{ utf8: false, geoparquet: false },
  });
}

function nextRows(): ParquetRow[] {
  const start = sent;
  for (let bytes = 0; sent < rows.length && sent - start < MAX_ROWS && bytes < MAX_BYTES; sent++)
    for (const value of Object.values(rows[sent]!)) bytes += byteLength(value);
  return rows.slice(start, sent);
}

/** Of binary, and of a struct that holds some. */
function byteLength(value: unknown): number {
  const bytes = (value as { bytes?: unknown } | null)?.bytes ?? value;
  return bytes instanceof Uint8Array ? bytes.length : 0;
}
