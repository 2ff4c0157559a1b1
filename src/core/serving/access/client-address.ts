import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from 'node:net';

/** An address as proxies write it: IPv4 with or without a port, IPv6 in brackets, with or without one, or bare. */
const WRITTEN = /^"?(?:(\d+(?:\.\d+){3})(?::\d+)?|\[([^\]]+)\](?::\d+)?|([^[\]"]*:[^[\]"]*))"?$/;
/** How IPv6 writes an address of IPv4 (RFC 4291, section 2.5.5.2). */
const MAPPED = '::ffff:';

/** Says from where requests come, through the proxies that are trusted. */
export class ClientAddresses {
  /** Undefined where no proxy is trusted: a list makes an object of the runtime for each address that it is asked about. */
  readonly #trusted: BlockList | undefined;

  /** @param trustedProxies addresses and networks such as 10.0.0.0/8 */
  constructor(trustedProxies: readonly string[]) {
    if (trustedProxies.length > 0) this.#trusted = blockListOf(trustedProxies);
  }

  /**
   * The address of the client, in its one usual spelling. `X-Forwarded-For` is read from its end, where the nearest proxy
   * wrote, as long as who wrote is trusted; where what one wrote is no address (`unknown`), its own is the best that is known.
   */
  of({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): string {
    let address = normalAddress(socket.remoteAddress ?? '') ?? '';
    // Node joins several lines to one, in their order.
    const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',');
    const written = forwarded.split(',').filter((text) => text.trim() !== '');
    while (this.#isTrusted(address)) {
      const next = normalAddress(written.pop() ?? '');
      if (next === undefined) break;
      address = next;
    }
    return address;
  }

  #isTrusted(address: string): boolean {
    return (
      this.#trusted !== undefined && isIP(address) !== 0 && this.#trusted.check(address, familyOf(address))
    );
  }
}

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of networks) {
    const [given = '', length] = text.split('/');
    const address = normalAddress(given) ?? given;
    const family = familyOf(address);
    const bits = family === 'ipv4' ? 32 : 128;
    // A network of mapped addresses is one of IPv4.
    const outer = isIPv6(given) && family === 'ipv4' ? 96 : 0;
    list.addSubnet(address, length === undefined ? bits : Math.max(0, Number(length) - outer), family);
  }
  return list;
}

/** An address without port, brackets and zone, in its one usual spelling; undefined for what is none. */
export function normalAddress(text: string): string | undefined {
  const [, v4, bracketed, bare] = WRITTEN.exec(text.trim()) ?? [];
  if (v4 !== undefined) return isIPv4(v4) ? v4 : undefined;
  const v6 = (bracketed ?? bare)?.replace(/%.*$/, '');
  if (v6 === undefined || !isIPv6(v6)) return undefined;
  const { address } = new SocketAddress({ address: v6, family: 'ipv6' });
  const mapped = address.startsWith(MAPPED) ? address.slice(MAPPED.length) : '';
  return isIPv4(mapped) ? mapped : address;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
