import { RobleError } from '../../base/errors.js';
import { didYouMean } from '../../base/text/text.js';
import { pixelFormat } from '../../image/known-formats.js';
import type { ReceivedImage } from '../classify/received-image.js';
import type { Form, FormPart } from '../request/form.js';

export interface FormContent {
  /** In their order. */
  readonly images: readonly ReceivedImage[];
  /** The other fields; what was given several times is one text, divided by commas, as in a query. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * The images of a form and its other fields. A part is an image when it has the name of a file or the type of an image, or
 * begins as one does; or when it has one of the names of texts: then it holds base64, or a data URL.
 *
 * @param fieldNames what parts are called that are no images
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`, also for a part of another name
 */
export function readForm(
  form: Form,
  fieldNames: readonly string[],
  textNames: readonly string[],
): FormContent {
  const images: ReceivedImage[] = [];
  const fields: Record<string, string> = {};
  for (const part of form.parts()) {
    const { name, bytes } = part;
    if (fieldNames.includes(name)) {
      const text = bytes.toString();
      fields[name] = Object.hasOwn(fields, name) ? `${fields[name]},${text}` : text;
    } else if (isImage(part)) images.push({ encoded: bytes });
    else if (textNames.includes(name)) images.push({ base64: bytes.toString('latin1') });
    else throw unknownField(name, [...fieldNames, ...textNames]);
  }
  if (images.length > 0) return { images, fields };
  throw new RobleError('ROBLE_REQUEST_INVALID', 'The form holds no image.', {
    received: Object.keys(fields).join(', ') || 'no part',
    expected: 'at least one file',
  });
}

function isImage({ isFile, type = '', bytes }: FormPart): boolean {
  return (
    isFile ||
    type.startsWith('image/') ||
    type === 'application/octet-stream' ||
    pixelFormat(bytes) !== undefined
  );
}

function unknownField(name: string, known: readonly string[]): RobleError {
  return new RobleError(
    'ROBLE_REQUEST_INVALID',
    `The form has a field "${name}", which means nothing here.`,
    {
      received: name,
      expected: `files, or parts with the type of an image; and the fields ${known.join(', ')}`,
      nextSteps: didYouMean(name, known),
    },
  );
}
