import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];
export type Paint = (format: Format, text: string) => string;

/** The part of a stream that says what it can show. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Whether a stream shows colours: a terminal that is not dumb, unless NO_COLOR (no-color.org) says no. */
export function hasColors(stream: Terminal, env: NodeJS.ProcessEnv): boolean {
  return Boolean(stream.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** Whether lines on a stream can be redrawn. CI logs keep every frame, so they count as no terminal. */
export function isInteractive(stream: Terminal, env: NodeJS.ProcessEnv): boolean {
  return Boolean(stream.isTTY) && env.TERM !== 'dumb' && (!env.CI || env.CI === 'false');
}

/** Colours text where the stream shows colours, and leaves it alone elsewhere. */
export function painter(stream: Terminal, env: NodeJS.ProcessEnv): Paint {
  if (!hasColors(stream, env)) return (_format, text) => text;
  // Left to itself, styleText asks standard output, which may be another stream.
  return (format, text) => styleText(format, text, { validateStream: false });
}

/** Charts and sentences of a wider terminal are not easier to read. */
const WIDEST = 120;

/** How text for people is laid out on a stream. */
export interface TextOptions {
  /** Characters of a line. */
  readonly width: number;
  readonly color: boolean;
  readonly paint: Paint;
}

/** The layout that suits a stream. */
export function terminalOptions(stream: Terminal, env: NodeJS.ProcessEnv): TextOptions {
  const width = Math.min(WIDEST, stream.columns ?? 80);
  return { width, color: hasColors(stream, env), paint: painter(stream, env) };
}
