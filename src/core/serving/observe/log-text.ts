/** One line of the log, as data. */
export interface LogEntry {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly [key: string]: unknown;
}

/** A line of the log for people, such as `12:00:01.123 INFO POST /predict 200 in 3.2 ms images=1 ...`. */
export function logText({ level, time, msg, ...fields }: LogEntry): string {
  const { method, route, status, ms, ...others } = fields;
  const request = status === undefined ? [] : [`${method} ${route ?? '?'} ${status} in ${ms} ms`];
  const details = Object.entries(others).map(([name, value]) => `${name}=${value}`);
  const text = [...(msg === undefined ? [] : [msg]), ...request, ...details].join(' ');
  return `${time.slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${text}\n`;
}
