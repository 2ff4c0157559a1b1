import { createReadStream } from 'node:fs';

/** Bytes that are read at a time. */
const CHUNK_BYTES = 2 ** 20;

/** How an archive is unpacked, whatever its format. */
export interface Unpacking {
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
  /** Throws at an entry for which the whole archive is refused. */
  admit(name: string, bytes: number): void;
  /** Told of each link: it could lead out of the folder, and no format needs it. */
  passOver(name: string, target: string): void;
  /** Told of an archive that ends without the mark of its end, where that can be known. */
  endsEarly(): void;
}

/** Unpacks a tar archive, gzip or not: plain files and folders. */
export async function unpackTar(
  path: string,
  { folder, signal, admit, passOver, endsEarly }: Unpacking,
): Promise<void> {
  const { extract } = await import('tar');
  let refusal: unknown;
  let hasEnd = false;
  const unpacked = extract({
    cwd: folder,
    strict: true,
    noChmod: true,
    filter: (name, entry) => {
      if (refusal !== undefined) return false;
      try {
        signal?.throwIfAborted();
        admit(name, entry.size);
      } catch (error) {
        refusal = error;
        return false;
      }
      const type = 'type' in entry ? entry.type : 'File';
      if ('linkpath' in entry && (type === 'SymbolicLink' || type === 'Link'))
        passOver(name, entry.linkpath ?? '');
      return type === 'File' || type === 'Directory' || type === 'OldFile';
    },
  });
  // Two blocks of zeros, of which the first is enough: no entry begins so.
  unpacked.on('nullBlock', () => {
    hasEnd = true;
  });
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    await new Promise<void>((resolve, reject) => {
      unpacked.on('error', reject).on('close', resolve);
      file.on('error', reject).pipe(unpacked);
    });
  } finally {
    file.destroy();
  }
  if (refusal !== undefined) throw refusal;
  if (!hasEnd) endsEarly();
}
