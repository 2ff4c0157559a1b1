/** `scheme://user:PASSWORD@`, also without a user; the last @ ends it, as for `URL`. */
const IN_AUTHORITY = /^([a-z][a-z0-9+.-]*:\/\/[^:/?#]*:)[^/?#]*@/i;
/** `?password=PASSWORD`, as PostgreSQL takes it. */
const IN_QUERY = /([?&]\w*(?:password|passwd|secret|token)=)[^&#]*/gi;

/** The same value with three stars for each password in the URLs that it holds. */
export function hidePasswords<T>(value: T): T {
  if (typeof value === 'string')
    return (
      value.includes('://') ? value.replace(IN_AUTHORITY, '$1***@').replace(IN_QUERY, '$1***') : value
    ) as T;
  if (Array.isArray(value)) return value.map(hidePasswords) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, hidePasswords(one)])) as T;
}
