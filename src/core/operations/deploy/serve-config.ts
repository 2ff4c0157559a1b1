import { isSettings, type Settings } from '../../base/schema/merge.js';
import { withoutSecrets } from '../../base/schema/secrets.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { type ServeOptions, serveJsonSchema } from '../../serving/settings.js';

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

/** What a project says of its server. */
export interface ServeChoices {
  readonly name: string;
  readonly serve: ServeOptions;
  /** The settings under `serve` that the project sets itself; the others are defaults. */
  readonly given: Settings;
  /** Where the containers have the packages of plugins that it needs. */
  readonly plugins?: readonly string[];
}

export interface ServeConfig {
  /** Of the file. */
  readonly text: string;
  /** The paths of settings that are left out because a file that many people see must not hold them. */
  readonly secrets: readonly string[];
}

/** The configuration of the APIs: what the project chose for `serve`, with the places of the containers, without secrets. */
export async function serveConfigFile(
  { name, serve, given, plugins = [] }: ServeChoices,
  registry: PluginRegistry,
): Promise<ServeConfig> {
  const { stringify } = await import('yaml');
  const schema = { properties: { serve: await serveJsonSchema(serve, registry) } };
  const { value, secrets } = withoutSecrets({ serve: withoutLeftOut(given, 'serve') }, schema);
  const { serve: kept = {} } = value as { serve?: Settings };
  const text = stringify(
    { name, ...(plugins.length > 0 && { plugins }), serve: merged(kept, FIXED) },
    { lineWidth: 0 },
  );
  const lines = [
    '# How the APIs of the stack serve. Made from the configuration of the project; the addresses of Redis and PostgreSQL',
    '# come from secrets. A change counts after "make restart".',
    text,
  ];
  return { text: lines.join('\n'), secrets };
}

/** Groups that become empty are removed as well. */
function withoutLeftOut(settings: Settings, at: string): Settings {
  const kept = Object.entries(settings).flatMap(([key, value]): [string, unknown][] => {
    const path = `${at}.${key}`;
    if (LEFT_OUT.includes(path)) return [];
    if (!isSettings(value)) return [[key, value]];
    const rest = withoutLeftOut(value, path);
    return Object.keys(rest).length === 0 ? [] : [[key, rest]];
  });
  return Object.fromEntries(kept);
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
