import { RobleError } from '../../base/errors.js';
import { endsEarly, notRead, tooManyPixels } from '../../image/decode.js';
import { pixelFormat, unreadFormat } from '../../image/known-formats.js';
import { preprocessPixels, preprocessQuickly } from '../../image/preprocess.js';
import type { PixelShape, Preprocessing } from '../../image/settings.js';
import { type DrawingInput, drawingProblem, pictureOfDrawing } from '../../image/strokes/drawing.js';
import type { ServingScope } from './serving-scope.js';

/** A picture as it came: encoded, as text, as numbers, as the strokes of a drawing, or as what the model sees. */
export type ReceivedImage =
  | { readonly drawing: Readonly<Record<string, unknown>> }
  | { readonly encoded: Uint8Array }
  | { readonly base64: string }
  | { readonly pixels: unknown }
  | { readonly modelPixels: Uint8Array };

/** A picture in one of the forms that it has in JSON. */
export type JsonPicture =
  | { readonly image: string }
  | { readonly pixels: readonly unknown[] }
  | { readonly drawing: Readonly<Record<string, unknown>> };

/** The picture of a JSON body, which may say more. */
export function imageOf(given: JsonPicture): ReceivedImage {
  if ('image' in given) return { base64: given.image };
  return 'pixels' in given ? { pixels: given.pixels } : { drawing: given.drawing };
}

/**
 * The pixels that the model sees, uint8 [height, width, channels]: at once, unless they take long to make.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`, `ROBLE_STROKES_INVALID`, `ROBLE_IMAGE_...`.
 */
export function toModelPixels(
  image: ReceivedImage,
  preprocessing: Preprocessing,
  { limits: { maxPixels }, pictures }: Pick<ServingScope, 'limits' | 'pictures'>,
): Uint8Array | Promise<Uint8Array> {
  if ('modelPixels' in image) return image.modelPixels;
  if ('drawing' in image) return drawingToModelPixels(image.drawing, preprocessing);
  if ('pixels' in image) return numbersToPixels(image.pixels, preprocessing, maxPixels);
  const encoded = 'encoded' in image ? image.encoded : decodeBase64(image.base64);
  const options = { maxPixels, limitName: LIMIT_NAME };
  const quick = preprocessQuickly(encoded, preprocessing, options);
  if (quick) return quick;
  checkFormat(encoded);
  return pictures.preprocess(encoded, preprocessing, options);
}

/** What sets the largest picture of a server. */
const LIMIT_NAME = 'serve.maxPixels';
const SVG = { name: 'an SVG drawing', advice: 'send a PNG of it' };
const TAKEN = 'PNG, JPEG, WebP, GIF, TIFF or AVIF';

/** Strangers may send pictures, not programs. A file that ends within its first bytes is judged further on. */
function checkFormat(encoded: Uint8Array): void {
  if (encoded.length === 0 || endsEarly(encoded) || pixelFormat(encoded) !== undefined) return;
  const format = unreadFormat(encoded) ?? (isSvg(encoded) ? SVG : undefined);
  if (format) throw notRead(format, TAKEN);
  throw new RobleError('ROBLE_IMAGE_UNREADABLE', 'The image is of no format that the server takes.', {
    expected: TAKEN,
  });
}

function isSvg(encoded: Uint8Array): boolean {
  return /^[\s\uFEFF]*<(?:[\s\S]*<)?svg[\s>]/i.test(Buffer.from(encoded.subarray(0, 1024)).toString());
}

function drawingToModelPixels(
  drawing: Readonly<Record<string, unknown>>,
  preprocessing: Preprocessing,
): Uint8Array {
  const problem = drawingProblem(drawing) ?? unusedOf(drawing);
  if (problem === undefined)
    return pictureOfDrawing(drawing as unknown as DrawingInput, preprocessing).pixels;
  throw new RobleError('ROBLE_REQUEST_INVALID', `The drawing cannot be read: ${problem}.`, {
    expected: '{ "strokes": [[[x, y], ...], ...], "unit": 100 }, where "unit" may be left out',
  });
}

/** What of a drawing would be passed over. */
function unusedOf({ strokes, unit: _, ...others }: Readonly<Record<string, unknown>>): string | undefined {
  const [key] = Object.keys(others);
  if (key !== undefined) return `"${key}" means nothing here`;
  const isPlain = (strokes as unknown[][][]).every((stroke) => stroke.every((point) => point.length === 2));
  return isPlain ? undefined : 'a point has more than x and y';
}

/** Base64, standard or for URLs, with or without line breaks, or a data URL that holds it. */
function decodeBase64(text: string): Uint8Array {
  const base64 = withoutDataUrl(text).replace(/[ \t\r\n]+/g, '');
  const [characters = ''] = base64.split('=', 1);
  // One character too many holds no whole byte.
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(base64) || characters.length % 4 === 1)
    throw new RobleError('ROBLE_REQUEST_INVALID', 'The image is not base64.', {
      received: text.slice(0, 32),
      expected: 'base64, or a data URL with base64',
    });
  return Buffer.from(base64, 'base64');
}

/** By hand: one regular expression for all of it would run out of stack on a hostile text. */
function withoutDataUrl(text: string): string {
  const comma = text.indexOf(',');
  const isDataUrl = /^data:/i.test(text) && text.slice(0, comma).toLowerCase().endsWith(';base64');
  return isDataUrl ? text.slice(comma + 1) : text;
}

/** Numbers of the scale 0..255: nested [height][width] or [height][width][channels], or flat in the model's own shape. */
async function numbersToPixels(
  value: unknown,
  preprocessing: Preprocessing,
  maxPixels: number,
): Promise<Uint8Array> {
  const shape = shapeOf(value, preprocessing);
  const numbers = numbersOf(value);
  if (!shape || numbers.length !== shape.height * shape.width * shape.channels) {
    const { height, width, channels } = preprocessing;
    throw new RobleError('ROBLE_IMAGE_SHAPE', 'The pixels do not fill a picture.', {
      received: `${numbers.length} numbers${shape ? '' : ' in uneven rows'}`,
      expected: `[height][width], [height][width][channels] with 1, 3 or 4 channels, or ${height * width * channels} numbers`,
    });
  }
  if (shape.height * shape.width > maxPixels)
    throw tooManyPixels('The image has', shape, { maxPixels, limitName: LIMIT_NAME });
  const odd = numbers.find((number) => typeof number !== 'number' || !(number >= 0 && number <= 255));
  if (odd !== undefined)
    throw new RobleError('ROBLE_REQUEST_INVALID', 'A pixel is out of range.', {
      received: typeof odd === 'number' ? odd : odd === null ? 'null' : typeof odd,
      expected: 'numbers 0..255',
    });
  refuseUnitRange(numbers as number[]);
  return preprocessPixels(Uint8Array.from(numbers as number[], Math.round), shape, preprocessing);
}

/** A flat list as it is, so that a list in it is no number. */
function numbersOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) return [];
  return Array.isArray(value[0]) ? (value.flat(2) as unknown[]) : value;
}

/** The shape of nested lists, of the model where they are flat; undefined where rows or pixels differ in length. */
function shapeOf(value: unknown, model: Preprocessing): PixelShape | undefined {
  if (!Array.isArray(value) || !Array.isArray(value[0]))
    return { height: model.height, width: model.width, channels: model.channels };
  const [firstRow] = value as unknown[][];
  const [firstPixel] = firstRow!;
  const channels = Array.isArray(firstPixel) ? firstPixel.length : 1;
  const isEven = (value as unknown[]).every(
    (row) =>
      Array.isArray(row) &&
      row.length === firstRow!.length &&
      row.every((pixel) =>
        Array.isArray(firstPixel) ? Array.isArray(pixel) && pixel.length === channels : !Array.isArray(pixel),
      ),
  );
  if (!isEven || (channels !== 1 && channels !== 3 && channels !== 4)) return undefined;
  return { height: value.length, width: firstRow!.length, channels };
}

/**
 * Refuses the numbers of a picture when they are plainly of the scale 0..1: with 255 as white it would be black, and the
 * answer wrong without a word. Whole numbers may be a nearly black picture of the scale 0..255.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`
 */
export function refuseUnitRange(numbers: ArrayLike<number>): void {
  let hasFraction = false;
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i]!;
    if (number > 1) return;
    if (number > 0 && number < 1) hasFraction = true;
  }
  if (hasFraction)
    throw new RobleError('ROBLE_REQUEST_INVALID', 'The pixels are numbers of the scale 0..1.', {
      received: 'no number above 1, and fractions',
      expected: 'numbers of the scale 0..255: multiply them by 255',
    });
}
