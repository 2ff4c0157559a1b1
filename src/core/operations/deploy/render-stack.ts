import { readdir, readFile } from 'node:fs/promises';
import { fillTemplate } from '../../base/template.js';
import { dashboardFiles } from './dashboards.js';
import { packRoble } from './pack-roble.js';
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
  settings: StackSettings,
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
