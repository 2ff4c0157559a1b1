import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientAddresses, normalAddress } from './client-address.js';

const PROXIES = ['10.0.0.0/8', '192.0.2.7', '2001:db8:ffff::/48', '::ffff:172.16.0.0/108', '::1'];

function clientOf(remoteAddress: string | undefined, forwarded?: string, trusted = PROXIES): string {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return new ClientAddresses(trusted).of({
    headers,
    socket: { remoteAddress },
  } as unknown as IncomingMessage);
}

describe('an address', () => {
  it.each([
    ['198.51.100.1', '198.51.100.1'],
    [' 198.51.100.1\t', '198.51.100.1'],
    ['198.51.100.1:50001', '198.51.100.1'],
    ['"198.51.100.1:50001"', '198.51.100.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:DB8::1]:443', '2001:db8::1'],
    ['"[2001:db8::1]:443"', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25en0]:80', 'fe80::1'],
    ['::ffff:198.51.100.1', '198.51.100.1'],
    ['::FFFF:c633:6401', '198.51.100.1'],
    ['[::ffff:198.51.100.1]:443', '198.51.100.1'],
    ['0:0:0:0:0:ffff:198.51.100.1', '198.51.100.1'],
  ])('%j is %s', (text, address) => expect(normalAddress(text)).toBe(address));

  it.each([
    '',
    'unknown',
    '_hidden',
    'example.com',
    'example.com:80',
    '198.51.100',
    '198.51.100.1.1',
    '198.51.100.256',
    '198.51.100.001',
    '198.51.100.1:',
    '198.51.100.1:port',
    '198.51.100.1/24',
    '[198.51.100.1]',
    '[2001:db8::1',
    '2001:db8::1]:443',
    '[2001:db8::1]443',
    '2001:db8:::1',
    '-',
    'x'.repeat(5000),
    ':'.repeat(5000),
  ])('%j is none', (text) => expect(normalAddress(text)).toBeUndefined());

  it('has one spelling, whatever it is written with', () => {
    const v4 = fc.ipV4();
    const v6 = fc.ipV6();
    const port = fc.integer({ min: 0, max: 65_535 });
    fc.assert(
      fc.property(v4, v6, port, (v4, v6, port) => {
        const spelled = (texts: string[]) => new Set(texts.map(normalAddress));
        expect([...spelled([v4, `${v4}:${port}`, `::ffff:${v4}`, `[::ffff:${v4}]:${port}`])]).toEqual([v4]);
        const [first, ...others] = spelled([
          v6,
          `[${v6}]`,
          `[${v6}]:${port}`,
          v6.toUpperCase(),
          `${v6}%eth0`,
        ]);
        expect([normalAddress(first!), others]).toEqual([first, []]);
      }),
    );
  });
});

describe('the address of a client', () => {
  it.each<[string, string | undefined, string | undefined, string]>([
    ['nobody in between', '203.0.113.9', undefined, '203.0.113.9'],
    ['who is not trusted says nothing', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['a proxy', '10.1.1.1', '198.51.100.1', '198.51.100.1'],
    ['a proxy over a socket for both families', '::ffff:10.1.1.1', '198.51.100.1', '198.51.100.1'],
    ['a proxy in a mapped network', '172.20.0.1', '198.51.100.1', '198.51.100.1'],
    ['no proxy in a mapped network', '172.32.0.1', '198.51.100.1', '172.32.0.1'],
    ['a proxy that writes ports', '192.0.2.7', '198.51.100.1:50001', '198.51.100.1'],
    ['two proxies with ports', '10.1.1.1', '198.51.100.1:5, [2001:db8:ffff::2]:443', '198.51.100.1'],
    ['what the client wrote itself', '10.1.1.1', '8.8.8.8, 198.51.100.1', '198.51.100.1'],
    ['a client that claims to be a proxy', '10.1.1.1', '8.8.8.8, 10.9.9.9, 198.51.100.1', '198.51.100.1'],
    ['proxies only', '10.1.1.1', '10.2.2.2, 10.3.3.3', '10.2.2.2'],
    ['unknown', '10.1.1.1', 'unknown', '10.1.1.1'],
    ['unknown behind a proxy', '10.1.1.1', '198.51.100.1, unknown, 10.2.2.2', '10.2.2.2'],
    ['nothing between commas', '10.1.1.1', ' ,198.51.100.1, ,', '198.51.100.1'],
    ['an empty header', '10.1.1.1', '', '10.1.1.1'],
    ['a connection that has gone', undefined, '198.51.100.1', ''],
    ['a link-local proxy', '::1', 'fe80::1%eth0', 'fe80::1'],
  ])('%s', (_, remote, forwarded, address) => expect(clientOf(remote, forwarded)).toBe(address));

  it('is that of the connection where no proxy is trusted', () => {
    expect(clientOf('::ffff:203.0.113.9', '198.51.100.1', [])).toBe('203.0.113.9');
  });

  it('is one of whoever the nearest trusted proxy speaks for, or of that proxy', () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom('unknown', '', '10.0.0.1', '[::1]:80'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(text), fc.ipV4(), (before, client) => {
        fc.pre(!/^(10|172|192)\./.test(client));
        // Whatever it wrote before its own address, which a proxy added.
        const forwarded = [...before.map((one) => one.replaceAll(',', '')), client].join(', ');
        expect(clientOf('10.1.1.1', forwarded)).toBe(client);
        expect(clientOf(client, forwarded)).toBe(client);
      }),
    );
  });
});
