import { expect, it } from 'vitest';
import { hidePasswords } from './hide-passwords.js';

it('hides passwords in URLs, wherever they are, and changes nothing else', () => {
  const value = {
    url: 'postgres://ada:s3cret@db:5432/roble?sslmode=require&password=s3cret',
    list: ['redis://:s3cret@cache:6379', 'http://host/a:b@c', 'a:b@c', 5, null, undefined],
    deep: { url: 'redis://cache', none: '', on: true },
  };
  expect(hidePasswords(value)).toEqual({
    url: 'postgres://ada:***@db:5432/roble?sslmode=require&password=***',
    list: ['redis://:***@cache:6379', 'http://host/a:b@c', 'a:b@c', 5, null, undefined],
    deep: { url: 'redis://cache', none: '', on: true },
  });
});
