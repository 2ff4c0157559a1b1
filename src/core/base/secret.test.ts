import { expect, it } from 'vitest';
import { hidePasswords, hideUrlPassword } from './secret.js';

it('hides the password of a URL, also one that should have been encoded', () => {
  const cases = {
    'postgres://ada:s3cret@db:5432/roble?sslmode=require&password=s3cret':
      'postgres://ada:***@db:5432/roble?sslmode=require&password=***',
    'redis://:s3cret@cache:6379': 'redis://:***@cache:6379',
    'postgres://ada:p@ss@db/r': 'postgres://ada:***@db/r',
    'postgres://ada:p/a?s#s@db/r': 'postgres://ada:***@db/r',
    'postgres://ada:12/34@db/r': 'postgres://ada:***@db/r',
    'postgres://ada@corp:s3cret@db/r?sslpassword=s3cret': 'postgres://ada@corp:***@db/r?sslpassword=***',
    'redis://cache:6379': 'redis://cache:6379',
    'http://host/a:b@c': 'http://host/a:b@c',
    'a:b@c': 'a:b@c',
  };
  for (const [url, shown] of Object.entries(cases)) expect(hideUrlPassword(url)).toBe(shown);
});

it('hides the passwords of URLs in the middle of a text, and nothing else', () => {
  const text = 'neither "redis://:s3cret@cache:6379" nor postgres://ada:s3cret@db/r?password=s3cret, ada:x@y';
  const shown = 'neither "redis://:***@cache:6379" nor postgres://ada:***@db/r?password=*** ada:x@y';
  expect(hidePasswords(text)).toBe(shown);
  expect(hidePasswords('at http://host:80/a and b@c, or "a:b@c"')).toBe(
    'at http://host:80/a and b@c, or "a:b@c"',
  );
});
