import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { RobleError } from '../../base/errors.js';
import { exists } from '../../base/storage/files.js';
import { fillTemplate } from '../../base/text/template.js';
import { dashboardFiles } from './dashboards.js';
import type { StackSettings } from './stack-settings.js';

/** A file of the stack. */
export interface StackFile {
  /** Relative to the folder of the stack, with `/`; `../` leads out of it. */
  readonly path: string;
  readonly content: string | Buffer;
  readonly isExecutable?: boolean;
}

/** Where each template goes. */
const TEMPLATES: Readonly<Record<string, string>> = {
  Dockerfile: 'Dockerfile',
  dockerignore: '.dockerignore',
  gitignore: '.gitignore',
  'env.example': '.env.example',
  'docker-compose.yml': 'docker-compose.yml',
  'docker-compose.gpu.yml': 'docker-compose.gpu.yml',
  'docker-compose.dev.yml': 'docker-compose.dev.yml',
  'docker-compose.logs.yml': 'docker-compose.logs.yml',
  'nginx/nginx.conf': 'nginx/nginx.conf',
  'redis/redis.conf': 'redis/redis.conf',
  'postgres/init.sql': 'postgres/init.sql',
  'prometheus/prometheus.yml': 'prometheus/prometheus.yml',
  'prometheus/alerts.yml': 'prometheus/alerts.yml',
  'prometheus/alerts.test.yml': 'prometheus/alerts.test.yml',
  'grafana/provisioning/datasources/prometheus.yml': 'grafana/provisioning/datasources/prometheus.yml',
  'grafana/provisioning/dashboards/roble.yml': 'grafana/provisioning/dashboards/roble.yml',
  'logs/fluent-bit.yaml': 'logs/fluent-bit.yaml',
  'logs/loki.yaml': 'logs/loki.yaml',
  'scripts/admin.sh': 'scripts/admin.sh',
  'scripts/backup.sh': 'scripts/backup.sh',
  'scripts/backup-loop.sh': 'scripts/backup-loop.sh',
  'scripts/restore.sh': 'scripts/restore.sh',
  'scripts/restart.sh': 'scripts/restart.sh',
  'scripts/set-passwords.sh': 'scripts/set-passwords.sh',
  'scripts/set-tag.sh': 'scripts/set-tag.sh',
  Makefile: 'Makefile',
  'README.md': 'README.md',
};

const ROOT = new URL('../../../../', import.meta.url);

/**
 * All files of a stack, but for secrets and models.
 *
 * @param serveConfig the configuration of the APIs
 * @param workflow where the workflow of GitHub goes, relative to the folder of the stack; undefined: none
 */
export async function renderStack(
  settings: StackSettings & { readonly plugins: readonly string[] },
  serveConfig: string,
  workflow: string | undefined,
): Promise<StackFile[]> {
  const filled = await Promise.all(
    Object.entries({ ...TEMPLATES, ...(workflow && { 'github/deploy.yaml': workflow }) }).map(
      async ([template, path]) => ({
        path,
        content: await fillTemplate(`deploy/${template}`, settings),
        isExecutable: path.endsWith('.sh'),
      }),
    ),
  );
  return [
    ...filled,
    { path: 'roble.config.yaml', content: serveConfig },
    { path: 'roble.tgz', content: await packRoble() },
    { path: 'load/predict.js', content: await readFile(new URL('templates/k6/predict.js', ROOT), 'utf8') },
    ...dashboardFiles().map(([path, content]) => ({ path, content })),
    ...(await playbooks()),
  ];
}

/** The pages of the documentation that the alerts name. */
async function playbooks(): Promise<StackFile[]> {
  const folder = new URL('docs/playbooks/', ROOT);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.md')).sort();
  return Promise.all(
    names.map(async (name) => ({
      path: `playbooks/${name}`,
      content: await readFile(new URL(name, folder), 'utf8'),
    })),
  );
}

const PACKAGE = fileURLToPath(ROOT);
/** The versions of all that roble needs: in an image that was made of a roble packed here, and beside what was built. */
const LOCKS = ['npm-shrinkwrap.json', 'dist/npm-shrinkwrap.json'] as const;

/** Half of the package, and of the time that compressing takes; nobody who only runs roble needs it. */
const FOR_DEVELOPERS = ['docs/pictures/**', 'dist/**/*.d.ts', 'dist/**/*.map'];

/**
 * This roble as npm packs it, without what is for developers, in gzip form: an image can be built of a version that is
 * not published. The same content gives the same bytes.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND` where roble was not built, or lies there without its versions
 */
async function packRoble(): Promise<Buffer> {
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
