/** How an archive is unpacked, whatever its format. */
export interface Unpacking {
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
  /** Throws at an entry for which the whole archive is refused. */
  admit(name: string, bytes: number): void;
  /** Told of each link: it could lead out of the folder, and no format needs it. */
  passOver(name: string, target: string): void;
}

/** Unpacks a tar archive, gzip or not: plain files and folders. */
export async function unpackTar(path: string, { folder, signal, admit, passOver }: Unpacking): Promise<void> {
  const { extract } = await import('tar');
  let refusal: unknown;
  await extract({
    file: path,
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
  if (refusal !== undefined) throw refusal;
}
