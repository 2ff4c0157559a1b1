import { sha256 } from '../../base/storage/durable.js';

/** Bytes of a name that every common file system takes. */
const LONGEST = 255;

/** Printable ASCII without what some file system or shell gives a meaning: `/ \ : * ? " < > | ~`. */
const PLAIN = /^[ !#-)+-.0-9;=@A-Z[\]^_`a-z{}]+$/;
/** Hidden on Unix, or cut off by Windows. */
const TRIMMED = /^[. ]|[. ]$/;
/** Devices of Windows, with or without an extension. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$) *(?:\.|$)/i;
/** What looks like an encoded name has to be encoded itself. */
const ENCODED = /^(?:u\+|sha256-)/i;

const CODES = /^U\+[0-9A-Fa-f]{4,6}(?:_U\+[0-9A-Fa-f]{4,6})*$/;

/**
 * Folder names for classes, which no file system confuses, refuses or changes: a name that is plain ASCII stays as it
 * is; any other, and those that differ in upper and lower case only, become the codes of their characters
 * (`U+0041_U+00E9`), so that neither case nor Unicode normalisation matters. What is too long even so, or empty, becomes
 * its SHA-256, which only a list of the classes can turn back.
 *
 * @param names each once
 * @returns in the same order; no two are equal, however case is folded
 * @example
 * folderNames(['cat', 'a', 'A', '/']); // ['cat', 'U+0061', 'U+0041', 'U+002F']
 */
export function folderNames(names: readonly string[]): string[] {
  const times = new Map<string, number>();
  for (const name of names) times.set(fold(name), (times.get(fold(name)) ?? 0) + 1);
  return names.map((name) => (isPlain(name) && times.get(fold(name)) === 1 ? name : encode(name)));
}

/**
 * The class that a folder stands for.
 *
 * @param classes when they are known, also long names can be found
 * @example
 * classOfFolder('U+0041'); // 'A'
 */
export function classOfFolder(folder: string, classes: readonly string[] = []): string {
  const listed = folder.startsWith('sha256-') ? classes.find((name) => hashed(name) === folder) : undefined;
  return listed ?? decode(folder) ?? folder;
}

/** A name by the codes of its characters. */
export function codesOf(name: string): string {
  return Array.from(name, (character) => {
    const code = character.codePointAt(0)!.toString(16).toUpperCase();
    return `U+${code.padStart(4, '0')}`;
  }).join('_');
}

function isPlain(name: string): boolean {
  return (
    name.length <= LONGEST &&
    PLAIN.test(name) &&
    !TRIMMED.test(name) &&
    !DEVICE.test(name) &&
    !ENCODED.test(name)
  );
}

function encode(name: string): string {
  const codes = codesOf(name);
  return name === '' || codes.length > LONGEST ? hashed(name) : codes;
}

/** Over UTF-16, because UTF-8 has no form for half a surrogate pair and would make one of all. */
function hashed(name: string): string {
  return `sha256-${sha256(Buffer.from(name, 'utf16le'))}`;
}

function decode(folder: string): string | undefined {
  if (!CODES.test(folder)) return undefined;
  const codes = folder.split('_').map((code) => Number.parseInt(code.slice(2), 16));
  return codes.every((code) => code <= 0x10ffff) ? String.fromCodePoint(...codes) : undefined;
}

/** Enough for ASCII, and no other name is kept. */
const fold = (name: string): string => name.toLowerCase();
