import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { RobleError } from '../../base/errors.js';
import { exists } from '../../base/storage/exists.js';

const ROOT = new URL('../../../../', import.meta.url);
const PACKAGE = fileURLToPath(ROOT);
/** The versions of all that roble needs: in an image that was made of a roble packed here, and beside what was built. */
const LOCKS = ['npm-shrinkwrap.json', 'dist/npm-shrinkwrap.json'] as const;

/** Of no use to who runs roble: half of the package, and of the time to compress it. */
const FOR_DEVELOPERS = ['docs/pictures/**', 'dist/**/*.d.ts', 'dist/**/*.map'];

/**
 * This roble as npm packs it, without what is for developers, in gzip form, so that an image can be built before, and
 * whatever becomes of, a publication. The same content gives the same bytes.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND` where roble was not built, or lies there without its versions
 */
export async function packRoble(): Promise<Buffer> {
  const { create } = await import('tar');
  const { glob } = await import('tinyglobby');
  const { files } = JSON.parse(await readFile(`${PACKAGE}package.json`, 'utf8')) as { files: string[] };
  const lock = await firstThatExists(LOCKS);
  const found = await glob(
    [...files.flatMap((name) => [name, `${name}/**`]), 'package.json', 'LICENSE', lock],
    { cwd: PACKAGE, ignore: FOR_DEVELOPERS, onlyFiles: true },
  );
  if (!found.some((path) => path.startsWith('dist/')))
    throw new RobleError('ROBLE_FILE_NOT_FOUND', 'roble is not built: its folder "dist" is missing.', {
      nextSteps: ['Run "npm run build" in its repository.'],
    });
  const stream = create(
    {
      cwd: PACKAGE,
      gzip: { level: 9 },
      portable: true,
      mtime: new Date(0),
      prefix: 'package',
      onWriteEntry: (entry) => {
        // For every user of the image, whatever the umask was when roble was installed or built here.
        if (entry.stat) entry.stat.mode |= entry.stat.mode & 0o100 ? 0o555 : 0o444;
        if (entry.path.endsWith(lock)) entry.path = entry.path.replace(lock, LOCKS[0]);
      },
    },
    found.sort(),
  );
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

async function firstThatExists(names: readonly string[]): Promise<string> {
  for (const name of names) if (await exists(`${PACKAGE}${name}`)) return name;
  throw new RobleError('ROBLE_FILE_NOT_FOUND', `This roble has no ${names.join(' and no ')}.`, {
    nextSteps: ['Install it from a package, or check its repository out again.'],
  });
}
