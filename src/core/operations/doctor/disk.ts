/** Space, speed and kind of the disks that a project writes on. */
import { tmpdir } from 'node:os';
import { type Diagnosis, failed, ok, skipped, warning } from '../../base/diagnosis.js';
import { startChild, WorkerDied } from '../../base/process/workers.js';
import { cacheFolder } from '../../base/storage/cache.js';
import { formatBytes } from '../../base/text/text.js';
import { isPostgres } from '../../serving/predictions/database.js';
import type { InspectPlaceOptions, PlaceFacts } from './place.js';
import type { PlaceWorker } from './place-worker.js';
import { type DoctorCheck, type DoctorSubject, usable } from './subject.js';

const ANSWER_MS = 8000;

export const diskChecks: readonly DoctorCheck[] = [
  {
    id: 'runs',
    title: 'Disk of the training runs',
    async run(subject) {
      const path = usable(subject)?.settings.runs ?? subject.folder;
      return judgePlace(await inspectInChild({ path, isTimed: true }));
    },
  },
  place('dataset', 'Disk of the data set', (subject) => usable(subject)?.settings.dataset ?? subject.folder),
  {
    id: 'predictions-disk',
    title: 'Disk of the predictions',
    async run(subject) {
      const url = usable(subject)?.settings.serve.predictions.url ?? 'none';
      if (url === 'none' || isPostgres(url)) return skipped('no SQLite file is configured');
      return judgePlace(await inspectInChild({ path: url }), { holdsDatabase: true });
    },
  },
  place('temporary', 'Temporary folder', () => tmpdir()),
  {
    id: 'cache-folder',
    title: "The user's cache folder",
    async run() {
      const { refusal, folder } = await inspectInChild({ path: cacheFolder() });
      if (refusal === undefined) return ok(folder);
      return warning(
        `cannot be written: ${refusal}`,
        'Measurements of devices and convolutions are made again each time; set XDG_CACHE_HOME to a folder of your own.',
      );
    },
  },
];

function place(id: string, title: string, path: (subject: DoctorSubject) => string): DoctorCheck {
  return { id, title, run: async (subject) => judgePlace(await inspectInChild({ path: path(subject) })) };
}

/** @throws {WorkerDied} where the disk does not answer */
async function inspectInChild(options: InspectPlaceOptions): Promise<PlaceFacts> {
  const name = 'The process that looks at the disk';
  const child = startChild<PlaceWorker>(new URL('./place-worker.js', import.meta.url), undefined, { name });
  try {
    return await child.call('inspect', options, { timeoutMs: ANSWER_MS });
  } catch (error) {
    if (!(error instanceof WorkerDied) || error.exit.killedFor !== 'deadline') throw error;
    throw new Error(`the disk of ${options.path} gives no answer; is it a network drive that is gone?`);
  } finally {
    void child.kill();
  }
}

const [MIB, GIB] = [2 ** 20, 2 ** 30];
/** A run keeps a few checkpoints, a data set copies of its pictures. */
const COMFORTABLE_BYTES = 2 * GIB;
const LEAST_BYTES = 100 * MIB;
const LEAST_FILES = 1000;
/** A checkpoint of a small network has a few megabytes, and is written every epoch. */
const SLOW_BYTES_PER_SECOND = 5 * MIB;
const SLOW_SYNC_MS = 1000;

/** File systems that other machines write on too (statfs(2)): their locks and renames are weaker than those of a disk. */
const SHARED: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4266872130: 'SMB',
  4283649346: 'SMB (CIFS)',
  16914839: '9P, a folder of the host',
  1785031267: 'virtiofs, a folder of the host',
  12805120: 'Ceph',
  198183888: 'Lustre',
  1196443219: 'GPFS',
  428016422: 'BeeGFS',
  1397113167: 'AFS',
};
const IN_MEMORY: Readonly<Record<number, string>> = { 16914836: 'tmpfs', 2240043254: 'ramfs' };

/** @param use `holdsDatabase`: an SQLite file lies there, or will */
export function judgePlace(facts: PlaceFacts, use: { readonly holdsDatabase?: boolean } = {}): Diagnosis {
  const { folder, type, freeBytes, freeFiles, bytesPerSecond, syncMs = 0, refusal } = facts;
  if (refusal !== undefined)
    return failed(
      `${folder} cannot be written: ${refusal}`,
      'Give this user the right to write there, or choose another folder.',
    );
  const kind = SHARED[type] ?? IN_MEMORY[type];
  const text = [
    `${folder}: ${formatBytes(freeBytes)} free`,
    ...(bytesPerSecond === undefined ? [] : [`${Math.round(bytesPerSecond / MIB)} MiB/s`]),
    ...(kind === undefined ? [] : [kind]),
  ].join(', ');
  if (freeBytes < LEAST_BYTES)
    return failed(`${text}: as good as full`, 'Free some space, or choose a folder on another disk.');
  if (freeFiles !== undefined && freeFiles < LEAST_FILES)
    return failed(
      `${text}: room for ${freeFiles} more files`,
      'Delete small files that nobody needs: the file system has a fixed number of them.',
    );
  const advice = [
    ...(freeBytes < COMFORTABLE_BYTES ? ['Free some space: runs keep checkpoints, data sets pictures.'] : []),
    ...(use.holdsDatabase && SHARED[type] !== undefined
      ? ['SQLite is not safe on a shared drive: take a local folder, or PostgreSQL (serve.predictions.url).']
      : []),
    ...((bytesPerSecond ?? Number.POSITIVE_INFINITY) < SLOW_BYTES_PER_SECOND || syncMs > SLOW_SYNC_MS
      ? ['The disk is slow: take a local one for runs and data sets.']
      : []),
  ];
  return advice.length === 0 ? ok(text) : warning(text, ...advice);
}
