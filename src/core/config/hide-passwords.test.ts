import { expect, it } from 'vitest';
import { hidePasswords } from './hide-passwords.js';

it('hides passwords in URLs, wherever they are, and changes nothing else', () => {
  const value = {
    url: 'postgres://ada:s3cret@db:5432/roble?sslmode=require&password=s3cret',
    list: ['redis://:s3cret@cache:6379', 'http://host/a:b@c', 'a:b@c', 5, null, undefined],
    odd: ['postgres://ada:p@ss@db/r', 'postgres://ada@corp:s3cret@db/r?sslpassword=s3cret'],
    deep: { url: 'redis://cache', none: '', on: true },
  };
  expect(hidePasswords(value)).toEqual({
    url: 'postgres://ada:***@db:5432/roble?sslmode=require&password=***',
    list: ['redis://:***@cache:6379', 'http://host/a:b@c', 'a:b@c', 5, null, undefined],
    odd: ['postgres://ada:***@db/r', 'postgres://ada@corp:***@db/r?sslpassword=***'],
    deep: { url: 'redis://cache', none: '', on: true },
  });
});
