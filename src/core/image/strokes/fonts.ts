import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { boxOf } from './frame.js';
import type { Stroke } from './rasterize.js';

/** A font whose glyphs are lines, not outlines. */
export interface StrokeFont {
  readonly name: string;
  /** Strokes of a character, y down; `undefined` for one that the font does not have. */
  glyph(character: string): readonly Stroke[] | undefined;
  /** Median of the longer side over letters and digits, in the font's units. */
  readonly unit: number;
}

/** The single-stroke fonts of npm `hersheytext` that look handwritten or plain; the others are engraved or symbols. */
const HERSHEY_FONTS = ['futural', 'scripts', 'cursive'];
const SVG_FONTS = [
  'EMSAllure',
  'EMSElfin',
  'EMSFelix',
  'EMSNixish',
  'EMSNixishItalic',
  'EMSOsmotron',
  'EMSReadability',
  'EMSReadabilityItalic',
  'EMSTech',
];

/**
 * Loads the fonts: three of A. V. Hershey's (1967) and nine of the EMS collection. All have the 94 visible ASCII
 * characters, the EMS fonts also the accented letters of Latin 1.
 */
export async function loadFonts(): Promise<StrokeFont[]> {
  // Only the data files are needed; the package's own entry parses SVG with a large HTML library.
  const folder = dirname(createRequire(import.meta.url).resolve('hersheytext/package.json'));
  const hershey = JSON.parse(await readFile(join(folder, 'hersheytext.min.json'), 'utf8')) as HersheyData;
  const fonts = HERSHEY_FONTS.map((name) => createFont(name, hersheyGlyphs(hershey[name]!)));
  for (const name of SVG_FONTS) {
    const svg = await readFile(join(folder, 'svg_fonts', `${name}.svg`), 'utf8');
    fonts.push(createFont(name, svgGlyphs(svg)));
  }
  return fonts;
}

/**
 * The fonts that have all of the characters.
 *
 * @throws {RobleError} `ROBLE_USAGE` with every character that no font has.
 */
export function fontsFor(
  fonts: readonly StrokeFont[],
  characters: readonly string[],
): Map<string, StrokeFont[]> {
  const found = new Map(
    characters.map((character) => [character, fonts.filter((font) => font.glyph(character))]),
  );
  const missing = characters.filter((character) => found.get(character)!.length === 0);
  if (missing.length === 0) return found;
  throw new RobleError(
    'ROBLE_USAGE',
    `No single-stroke font has ${missing.map(describeCharacter).join(', ')}.`,
    {
      received: missing.join(''),
      expected: 'visible ASCII characters or the accented letters of Latin 1',
      nextSteps: ['Leave these characters out, or import drawings of them with "roble data:import".'],
    },
  );
}

function describeCharacter(character: string): string {
  const codes = [...character].map(
    (c) => `U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`,
  );
  return `"${character}" (${codes.join(' ')})`;
}

type Glyphs = ReadonlyMap<string, readonly Stroke[]>;
type HersheyData = Record<string, { chars: { d: string }[] }>;

function createFont(name: string, glyphs: Glyphs): StrokeFont {
  return { name, glyph: (character) => glyphs.get(character), unit: medianSize(glyphs) };
}

/** The glyph at `k` is the character with code 33 + k; what comes after `~` is no character. */
function hersheyGlyphs({ chars }: { chars: { d: string }[] }): Glyphs {
  return new Map(chars.slice(0, 94).map(({ d }, k) => [String.fromCharCode(33 + k), parsePath(d)]));
}

function svgGlyphs(svg: string): Glyphs {
  const glyphs = new Map<string, readonly Stroke[]>();
  for (const [element] of svg.matchAll(/<glyph\s[^>]*>/g)) {
    const character = decodeEntities(/unicode="([^"]*)"/.exec(element)?.[1] ?? '');
    const strokes = parsePath(/\sd="([^"]*)"/.exec(element)?.[1] ?? '');
    // SVG fonts count y upwards.
    if (strokes.length > 0)
      glyphs.set(
        character,
        strokes.map((stroke) => stroke.map(([x, y]) => [x, -y] as const)),
      );
  }
  return glyphs;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|(\w+));/gi,
    (whole, hex: string | undefined, name: string | undefined) =>
      hex ? String.fromCodePoint(Number.parseInt(hex, 16)) : (ENTITIES[name!] ?? whole),
  );
}

function medianSize(glyphs: Glyphs): number {
  const sizes: number[] = [];
  for (const [character, strokes] of glyphs) {
    if (!/^[0-9A-Za-z]$/.test(character)) continue;
    const { width, height } = boxOf(strokes);
    sizes.push(Math.max(width, height));
  }
  return sizes.sort((a, b) => a - b)[sizes.length >> 1] ?? 0;
}

/** Line pieces that replace one cubic curve; glyphs are drawn small. */
const CURVE_PIECES = 8;

/**
 * The strokes of an SVG path with the commands that single-stroke fonts use: absolute M, L, C and Z. Further numbers after M
 * count as L.
 */
function parsePath(path: string): Stroke[] {
  const strokes: [number, number][][] = [];
  let stroke: [number, number][] = [];
  for (const [, command, rest] of path.matchAll(/([MLCZ])([^MLCZ]*)/g)) {
    const numbers = (rest!.match(/-?\d*\.?\d+(?:e[-+]?\d+)?/g) ?? []).map(Number);
    if (command === 'M') {
      stroke = [];
      strokes.push(stroke);
    }
    if (command === 'Z' && stroke[0]) stroke.push([...stroke[0]]);
    if (command === 'C')
      for (let i = 0; i + 5 < numbers.length; i += 6) addCurve(stroke, numbers.slice(i, i + 6));
    else for (let i = 0; i + 1 < numbers.length; i += 2) stroke.push([numbers[i]!, numbers[i + 1]!]);
  }
  return strokes.filter(({ length }) => length > 0);
}

/** Appends a cubic Bezier curve that starts at the last point of the stroke. */
function addCurve(stroke: [number, number][], [x1, y1, x2, y2, x3, y3]: number[]): void {
  const [x0, y0] = stroke.at(-1) ?? [x1!, y1!];
  for (let piece = 1; piece <= CURVE_PIECES; piece++) {
    const t = piece / CURVE_PIECES;
    const s = 1 - t;
    const [a, b, c, d] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
    stroke.push([a * x0 + b * x1! + c * x2! + d * x3!, a * y0 + b * y1! + c * y2! + d * y3!]);
  }
}
