import type { Stats } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { error, type StackCheck, type StackFinding, warning } from './stack-check.js';
import { at, entriesAt, type StackFolder, textsAt } from './stack-folder.js';

/** A file or folder of the stack that a container is shown. */
interface Use {
  readonly service: string;
  readonly uid: number;
  readonly gid: number;
  /** Relative, without `./`. */
  readonly path: string;
  readonly writes: boolean;
}

/** Bits of a mode, as those of its owner. */
const READ = 4;
const WRITE = 2;
const ENTER = 1;

/** What belongs to the owner of the stack alone, or is shown to those who need it. */
const SECRET = /^(secrets\/.|keys$|\.env$)/;
/** No container gets these. */
const FOR_PEOPLE = ['.env', 'secrets/admin_key'];

export const accessCheck: StackCheck = {
  title: 'Rights of files',
  async run(stack) {
    if (process.platform === 'win32')
      return { findings: [], notChecked: [{ what: 'rights of files', why: 'files of Windows have others' }] };
    const hasUsers = await stack.has('.env');
    const uses = await usesOf(stack);
    const shown = await Promise.all(uses.map((use) => closedFinding(stack, use)));
    return {
      findings: [
        ...shown.filter((finding) => finding !== undefined),
        ...(await imageFindings(stack)),
        ...(await openFindings(stack, uses)),
      ],
      ...(!hasUsers && {
        notChecked: [
          {
            what: 'what the APIs may read',
            why: 'there is no .env yet ("roble deploy:secrets") with their user',
          },
        ],
      }),
    };
  },
};

/** By the files of Compose; a service whose user is not a number, or not known yet, is left out. */
async function usesOf(stack: StackFolder): Promise<Use[]> {
  const environment = await environmentOf(stack);
  const uses = new Map<string, Use>();
  for (const file of await stack.find(['docker-compose*.yml'])) {
    const settings = await stack.settings(file);
    for (const [service, value] of entriesAt(settings, 'services')) {
      const user = filled(String(at(value, 'user') ?? ''), environment);
      const [, uid, gid] = /^(\d+):(\d+)$/.exec(user ?? '') ?? [];
      if (uid === undefined) continue;
      const add = (source: string, writes: boolean) => {
        const path = source.replace(/^\.\//, '');
        const key = `${uid}:${gid} ${path} ${writes}`;
        // One of those that are alike is enough.
        if (!uses.has(key)) uses.set(key, { service, uid: Number(uid), gid: Number(gid), path, writes });
      };
      for (const volume of textsAt(value, 'volumes')) {
        const [source = '', , options = ''] = volume.split(':');
        if (source.startsWith('./')) add(source, !options.split(',').includes('ro'));
      }
      for (const secret of textsAt(value, 'secrets')) {
        const source = at(settings, 'secrets', secret, 'file');
        if (typeof source === 'string') add(source, false);
      }
    }
  }
  return [...uses.values()];
}

async function environmentOf(stack: StackFolder): Promise<ReadonlyMap<string, string>> {
  const lines = ((await stack.text('.env')) ?? '').matchAll(/^(\w+)=(.*)$/gm);
  return new Map([...lines].map(([, name, value]) => [name!, value!]));
}

/** With the values of variables; undefined where one has none. */
function filled(text: string, environment: ReadonlyMap<string, string>): string | undefined {
  let isWhole = true;
  const whole = text.replace(/\$\{(\w+)(?::?-[^}]*)?\}/g, (_, name: string) => {
    isWhole &&= environment.has(name);
    return environment.get(name) ?? '';
  });
  return isWhole ? whole : undefined;
}

/** What of a file, or of all in a folder, its container cannot read, or not write. */
async function closedFinding(stack: StackFolder, use: Use): Promise<StackFinding | undefined> {
  const { service, uid, gid, path, writes } = use;
  const closed: Entry[] = [];
  for (const entry of await entriesUnder(stack, path)) if (!mayUse(entry.stats, use)) closed.push(entry);
  const [first] = closed;
  if (!first) return undefined;
  const { stats } = first;
  const more = closed.length > 1 ? `; nor can ${closed.length - 1} more under ${path}` : '';
  return error(
    first.path,
    `cannot be ${writes ? 'read and written' : 'read'} by ${service}, which runs as ${uid}:${gid} (${modeText(stats)}, of ${stats.uid}:${stats.gid})${more}`,
    fixOf(use, stats),
  );
}

/** Its owner gets what is its own: a secret, or what it writes; the others may read. */
function fixOf({ uid, gid, path, writes }: Use, stats: Stats): string {
  if (stats.uid === uid) return `Run "chmod -R u+rwX ${path}".`;
  if (writes || path === 'keys')
    return `Run "sudo chown -R ${uid}:${gid} ${path}", or "roble deploy:secrets" as root.`;
  return SECRET.test(path)
    ? `Run "chmod 644 ${path}", or "roble deploy:secrets" again: the folder "secrets" is closed to the other users of this machine.`
    : `Run "chmod -R go+rX ${path}", or "roble deploy:compose" again.`;
}

/** The image's user is the owner of none of the files that the image is made of. */
async function imageFindings(stack: StackFolder): Promise<StackFinding[]> {
  const findings: StackFinding[] = [];
  for (const [, path] of ((await stack.text('Dockerfile')) ?? '').matchAll(/^COPY\s+([\w./-]+)\s+\S+$/gm)) {
    const closed = (await entriesUnder(stack, path!)).filter(
      ({ stats }) => !hasRights(stats.mode, readOf(stats)),
    );
    if (closed[0])
      findings.push(
        error(
          closed[0].path,
          `cannot be read by the user of the image (${modeText(closed[0].stats)})`,
          `Run "chmod -R go+rX ${path}", or "roble deploy:compose" again.`,
        ),
      );
  }
  return findings;
}

/** Secrets that more users can read than have to. */
async function openFindings(stack: StackFolder, uses: readonly Use[]): Promise<StackFinding[]> {
  const readers = new Map<string, Use[]>(FOR_PEOPLE.map((path) => [path, []]));
  for (const use of uses)
    if (SECRET.test(use.path)) readers.set(use.path, [...(readers.get(use.path) ?? []), use]);
  const findings: StackFinding[] = [];
  for (const [path, usersOfIt] of readers)
    for (const { path: name, stats } of await entriesUnder(stack, path)) {
      if (!stats.isFile()) continue;
      const isForOthers = usersOfIt.some(({ uid }) => uid !== stats.uid);
      if ((stats.mode & (isForOthers ? 0o033 : 0o077)) !== 0)
        findings.push(
          warning(
            name,
            `is open to more users than need it (${modeText(stats)})`,
            `Run "chmod ${isForOthers ? 644 : 600} ${name}".`,
          ),
        );
    }
  return findings;
}

interface Entry {
  readonly path: string;
  readonly stats: Stats;
}

/** A file; or a folder, with all that lies in it. */
async function entriesUnder(stack: StackFolder, path: string): Promise<Entry[]> {
  const place = join(stack.path, path);
  const stats = await stat(place).catch(() => undefined);
  if (!stats) return [];
  if (!stats.isDirectory()) return [{ path, stats }];
  const inside = await readdir(place, { recursive: true }).catch(() => []);
  const entries = await Promise.all(
    inside.map(async (name) => ({ path: join(path, name), stats: await lstat(join(place, name)) })),
  );
  // A link has no rights of its own.
  return [{ path, stats }, ...entries.filter((entry) => !entry.stats.isSymbolicLink())];
}

function mayUse(stats: Stats, { uid, gid, writes }: Use): boolean {
  const wanted = readOf(stats) | (writes ? WRITE : 0);
  // The bits of the owner count for the owner, and so on.
  const shift = stats.uid === uid ? 6 : stats.gid === gid ? 3 : 0;
  return hasRights(stats.mode >> shift, wanted);
}

const readOf = (stats: Stats) => (stats.isDirectory() ? READ | ENTER : READ);
const hasRights = (bits: number, wanted: number) => (bits & wanted) === wanted;
const modeText = (stats: Stats) => `mode ${(stats.mode & 0o777).toString(8)}`;
