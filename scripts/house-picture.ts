/** Draws the storeys of the house from the imports of the code: the picture of docs/architecture.md. */
import { join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { element, textAt } from '../src/pages/kit/html.js';
import { LIGHT } from '../src/pages/kit/theme.js';

/** The storeys from above, each with the rooms that stand side by side on it. */
const STOREYS: readonly (readonly string[])[] = [
  ['commands', 'web'],
  ['library', 'testing'],
  ['client', 'ui', 'flags', 'plugins'],
  ['core/config', 'pages', 'engine-kit'],
  ['core/operations'],
  ['core/learning', 'core/serving'],
  ['core/data'],
  ['core/predict'],
  ['core/plugin'],
  ['core/model'],
  ['core/image'],
  ['core/base'],
];

const WIDTH = 960;
const HEIGHT = 98;
const GAP = 34;
const MARGIN = 20;

interface Room {
  readonly name: string;
  /** The folders in it. */
  readonly parts: Set<string>;
  /** The rooms that it imports. */
  readonly imports: Set<string>;
}

/** @returns the SVG text; it is the same whenever the code is */
export async function housePicture(root: string): Promise<string> {
  const rooms = await readRooms(root);
  const boxes = new Map<string, { readonly x: number; readonly y: number; readonly width: number }>();
  for (const [i, storey] of STOREYS.entries()) {
    const width = (WIDTH - 2 * MARGIN - (storey.length - 1) * GAP) / storey.length;
    for (const [k, name] of storey.entries())
      boxes.set(name, { x: MARGIN + k * (width + GAP), y: MARGIN + i * (HEIGHT + GAP), width });
  }
  const arrows = [...rooms.values()].flatMap((room) =>
    direct(room, rooms).map((to) => {
      const [from, target] = [boxes.get(room.name)!, boxes.get(to)!];
      const [x1, x2] = [from.x + from.width / 2, target.x + target.width / 2];
      const [y1, y2] = [from.y + HEIGHT, target.y];
      return element('path', {
        d: `M${x1} ${y1}C${x1} ${y1 + GAP} ${x2} ${y2 - GAP} ${x2} ${y2 - 5}`,
        class: 'arrow',
      });
    }),
  );
  const drawn = [...rooms.values()].map((room) => drawRoom(room, boxes.get(room.name)!));
  const height = 2 * MARGIN + STOREYS.length * (HEIGHT + GAP) - GAP;
  return `${element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, height },
    element('title', {}, 'The storeys of roble, and what each imports'),
    element('style', {}, style()),
    element(
      'marker',
      { id: 'head', viewBox: '0 0 6 6', refX: 3, refY: 3, markerWidth: 7, markerHeight: 7, orient: 'auto' },
      element('path', { d: 'M0 0L6 3L0 6z', class: 'head' }),
    ),
    element('rect', { width: WIDTH, height, class: 'paper' }),
    ...arrows,
    ...drawn,
  )}\n`;
}

async function readRooms(root: string): Promise<Map<string, Room>> {
  const { output } = await cruise([join(root, 'src')], {
    baseDir: root,
    includeOnly: '^src',
    exclude: { path: '[.]test[.]tsx?$' },
    tsPreCompilationDeps: true,
  });
  const { modules } = output as ICruiseResult;
  const rooms = new Map(
    STOREYS.flat().map((name): [string, Room] => [name, { name, parts: new Set(), imports: new Set() }]),
  );
  const roomOf = (file: string): Room => {
    const room = rooms.get(nameOf(file));
    if (!room) throw new Error(`${file} is in no room of the picture: add its folder to STOREYS.`);
    return room;
  };
  for (const { source, dependencies } of modules) {
    const room = roomOf(source);
    const [part, ...rest] = source.replace('src/', '').replace(`${room.name}/`, '').split('/');
    if (rest.length > 0) room.parts.add(part!);
    for (const { resolved } of dependencies) {
      const { name } = roomOf(resolved);
      if (name !== room.name) room.imports.add(name);
    }
  }
  return rooms;
}

/** `src/core/data/dataset/open.ts` is in `core/data`. */
function nameOf(file: string): string {
  const [, first = '', second = ''] = file.split('/');
  if (first === 'core') return `core/${second}`;
  if (['index.ts', 'library.ts'].includes(first)) return 'library';
  return ['base-command.ts', 'machine-plugins.ts', 'hooks'].includes(first) ? 'commands' : first;
}

/** What a room imports that it does not reach through another of its imports as well. */
function direct({ imports }: Room, rooms: ReadonlyMap<string, Room>): string[] {
  const reach = (name: string, found = new Set<string>()): Set<string> => {
    for (const below of rooms.get(name)!.imports) if (!found.has(below)) reach(below, found.add(below));
    return found;
  };
  const names = [...imports];
  return names.filter((name) => !names.some((other) => other !== name && reach(other).has(name)));
}

function drawRoom(
  { name, parts, imports }: Room,
  { x, y, width }: { readonly x: number; readonly y: number; readonly width: number },
): string {
  const below = STOREYS.flat().filter((other) => imports.has(other));
  const letters = Math.floor((width - 20) / 5.6);
  const imported = wrap(
    below.length > 0
      ? below.map((other, i) => `${i === 0 ? 'imports ' : ''}${other.replace('core/', '')}`)
      : ['imports nothing'],
    letters,
  );
  return element(
    'g',
    {},
    element('rect', {
      x,
      y,
      width,
      height: HEIGHT,
      rx: 4,
      class: name.startsWith('core/') ? 'core' : 'room',
    }),
    textAt(x + 10, y + 19, name, { class: 'name' }),
    ...wrap([...parts].sort(), letters).map((text, i) => textAt(x + 10, y + 35 + i * 13, text)),
    ...imported.map((text, i) =>
      textAt(x + 10, y + HEIGHT - 7 - (imported.length - 1 - i) * 12, text, { class: 'imports' }),
    ),
  );
}

function wrap(words: readonly string[], letters: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && `${last}, ${word}`.length <= letters)
      lines[lines.length - 1] = `${last}, ${word}`;
    else lines.push(word);
  }
  return lines;
}

function style(): string {
  const { background, ink, muted, grid, series } = LIGHT;
  return [
    `text{font:11px system-ui,sans-serif;fill:${ink}}`,
    `.paper{fill:${background}}.room,.core{fill:${background};stroke:${grid};stroke-width:1.5}.core{stroke:${series[0]}}`,
    `.name{font-size:14px;font-weight:600}.imports{fill:${muted};font-size:10px}`,
    `.arrow{fill:none;stroke:${muted};stroke-width:1.2;marker-end:url(#head)}.head{fill:${muted}}`,
  ].join('');
}
