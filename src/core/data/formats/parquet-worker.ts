/** The process that decodes Parquet files: damage in one can keep the decoder busy without end, or take all its memory. */
import type { AsyncBuffer, FileMetaData, ParquetRow } from 'hyparquet';
import { RobleError } from '../../base/errors.js';
import { answerCalls } from '../../base/process/answer-calls.js';
import { openPlainFile } from '../../base/storage/read-file.js';

/** Rows and bytes of pictures that go in one message, about. */
const MAX_ROWS = 1000;
const MAX_BYTES = 2 ** 22;

/** It throws `ROBLE_PARQUET_INVALID` with the decoder's words for a damaged file, and the errors of reading. */
export type ParquetWorker = typeof start;

answerCalls(start);

let opened: { readonly file: AsyncBuffer; readonly metadata: FileMetaData };
/** Those of the row group in work, and how many of them went already. */
let rows: ParquetRow[] = [];
let sent = 0;

function start() {
  return {
    open: (path: string) => open(path).catch(refuse),
    /** The first rows of a row group of the open file. */
    async group(wanted: RowRange) {
      await decode(wanted).catch(refuse);
      return nextRows();
    },
    /** Some more rows of it; none: there are no more. */
    more: nextRows,
  };
}

/** The decoder throws errors of its own at whatever is wrong with a file; those of the disk name a system call. */
function refuse(cause: Error): never {
  if (cause instanceof RobleError || 'syscall' in cause) throw cause;
  throw new RobleError('ROBLE_PARQUET_INVALID', cause.message);
}

async function open(path: string) {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetSchema } = await import('hyparquet');
  // The library would wait for a pipe.
  await (await openPlainFile(path)).close();
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file, { geoparquet: false });
  opened = { file, metadata };
  return { metadata, schema: parquetSchema(metadata) };
}

interface RowRange {
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly columns: readonly string[];
}

async function decode({ rowStart, rowEnd, columns }: RowRange): Promise<void> {
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
