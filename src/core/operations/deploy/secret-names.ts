/** The secrets of the stack: files of the folder `secrets`, which Docker shows to the services that need them. */
export const SECRETS = [
  'redis_users',
  'redis_url',
  'predictions_url',
  'postgres_password',
  'postgres_app_password',
  'postgres_reader_password',
  'postgres_backup_password',
  'metrics_key',
  'grafana_password',
] as const;
export type SecretName = (typeof SECRETS)[number];

/** Those that only services which run as the owner of the files read; the others are read by users of images. */
export const OWN_SECRETS: readonly SecretName[] = ['redis_url', 'predictions_url'];
