import type { LoadedConfig } from '../../config/load.js';
import { isSettings } from '../../base/schema/merge.js';
import { nest } from '../../base/schema/nest.js';
import type { Config } from '../../config/schema.js';
import { secretsSchema, withoutSecrets } from '../../base/schema/secrets.js';
import type { PluginRegistry } from '../../plugin/registry.js';

/** Where the containers have what lies elsewhere on a developer's machine. */
const FIXED = {
  models: '/models',
  host: '0.0.0.0',
  port: 8080,
  watchMs: 5000,
  admin: { host: '0.0.0.0', port: 8081 },
  log: { level: 'info', format: 'json' },
  access: {
    keysFile: '/run/keys/keys.json',
    // nginx, in whichever network Docker gives it.
    trustedProxies: ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  },
} as const;

/** What belongs to the machine that the configuration was written for, and what the stack gives as secrets. */
const LEFT_OUT = [
  'serve.models',
  'serve.host',
  'serve.port',
  'serve.tls',
  'serve.cache.url',
  'serve.predictions.url',
];

export interface ServeConfig {
  /** Of the file. */
  readonly text: string;
  /** The paths of what the project chose and a file that many see must not hold. */
  readonly secrets: readonly string[];
}

/** The configuration of the APIs: what the project chose for `serve`, with the places of the containers, without secrets. */
export async function serveConfigFile(
  { config, origins }: Pick<LoadedConfig, 'config' | 'origins'>,
  registry: PluginRegistry,
): Promise<ServeConfig> {
  const { stringify } = await import('yaml');
  const chosen = Object.entries(origins)
    .filter(([path, { source }]) => path.startsWith('serve.') && source !== 'default')
    .filter(([path]) => !LEFT_OUT.some((left) => path === left || path.startsWith(`${left}.`)))
    .map(([path]): [string, unknown] => [path, valueAt(config, path)]);
  const { value, secrets } = withoutSecrets(nest(chosen), await secretsSchema(config, registry));
  const { serve = {} } = value as { serve?: Record<string, unknown> };
  const text = stringify({ name: config.name, serve: merged(serve, FIXED) }, { lineWidth: 0 });
  const lines = [
    '# How the APIs of the stack serve. Made from the configuration of the project; the addresses of Redis and PostgreSQL',
    '# come from secrets. A change counts after "make restart".',
    text,
  ];
  return { text: lines.join('\n'), secrets };
}

function valueAt(config: Config, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (isSettings(value) ? value[key] : undefined), config);
}

function merged(
  base: Record<string, unknown>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isSettings(below) && isSettings(value) ? merged({ ...below }, value) : value;
  }
  return result;
}
