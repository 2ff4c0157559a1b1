import type { z } from 'zod';

/** What is shown in place of a secret. */
export const STARS = '***';

/**
 * Declares that a setting is secret, whatever its value looks like: it is written, and never shown.
 *
 * @example
 * z.strictObject({ token: secret(z.string()).describe('Of the inference server.') })
 */
export function secret<T extends z.ZodType>(schema: T): T {
  return schema.meta({ writeOnly: true });
}

/** Declares that the password in a URL is secret; the rest of it is shown. */
export function urlWithPassword<T extends z.ZodType>(schema: T): T {
  return schema.meta({ writeOnly: true, format: 'uri-reference' });
}

/** `scheme://user:PASSWORD@`, also without a user. People forget to encode a password, so that the last @ ends it. */
const PASSWORD = /^([a-z][a-z0-9+.-]*:\/\/[^:/?#]*:).*@/is;
/** `?password=PASSWORD`, as PostgreSQL takes it. */
const PARAMETER = /([?&]\w*(?:password|passwd|secret|token)=)[^&#\s"']*/gi;
/** The same in the middle of other words, where only what a URL may hold is part of it. */
const PASSWORD_IN_TEXT = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:/?#"'@]*:)[^\s/?#"']*@/gi;

/** A URL with three stars for its password. */
export function hideUrlPassword(url: string): string {
  return url.includes('://') ? url.replace(PASSWORD, `$1${STARS}@`).replace(PARAMETER, `$1${STARS}`) : url;
}

/** A text with three stars for the password of each URL in it. */
export function hidePasswords(text: string): string {
  return text.includes('://')
    ? text.replace(PASSWORD_IN_TEXT, `$1${STARS}@`).replace(PARAMETER, `$1${STARS}`)
    : text;
}
