import type { z } from 'zod';
import { RobleError } from '../../base/errors.js';
import { imageOf, type JsonPicture, type ReceivedImage } from '../classify/received-image.js';
import { checkedRequest, onlyForm, requestObject } from '../request/checked-request.js';
import { Form } from '../request/form.js';
import { ACCEPTED_BODIES } from '../request/problem.js';
import { readForm } from './form-images.js';

/** The JSON bodies that a route takes, by the key that holds the picture. */
type RequestForms<Said> = Readonly<Record<string, z.ZodType<JsonPicture & Said>>>;

/**
 * The one picture of a body of any accepted form, and what the body says besides; nothing is decoded yet.
 *
 * @param fields of a form, besides its picture
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`, `ROBLE_IMAGE_EMPTY`
 */
export function readOneImage<Said extends object>(
  given: unknown,
  forms: RequestForms<Said>,
  fields: z.ZodObject & z.ZodType<Said>,
): { readonly image: ReceivedImage; readonly said: Partial<Said> } {
  const encoded = encodedImages(given, ['image'], fields);
  if (encoded) {
    const { images, said } = encoded;
    if (images.length === 1) return { image: images[0]!, said };
    throw new RobleError('ROBLE_REQUEST_INVALID', 'This path takes one image.', {
      received: `${images.length} images`,
      expected: '1; several go to /predict/batch',
    });
  }
  const body = requestObject(given);
  const form = onlyForm(body, forms);
  if (form === undefined)
    throw new RobleError('ROBLE_REQUEST_INVALID', 'The body must hold one image.', {
      received: keysOf(body),
      expected: 'one of "image" (base64 or data URL), "pixels" (numbers) and "drawing" (strokes)',
    });
  const said = checkedRequest(forms[form]!, body);
  return { image: imageOf(said), said };
}

/**
 * What a body of bytes holds; undefined for a JSON body.
 *
 * @param textNames parts of a form that hold a picture as text
 * @param fields the other parts of a form
 */
export function encodedImages<Said extends object>(
  body: unknown,
  textNames: readonly string[],
  fields: z.ZodObject & z.ZodType<Said>,
): { readonly images: readonly ReceivedImage[]; readonly said: Partial<Said> } | undefined {
  if (body instanceof Form) {
    const { images, fields: given } = readForm(body, fields.keyof().options, textNames);
    return { images, said: checkedRequest(fields, given) };
  }
  if (Buffer.isBuffer(body)) return { images: [{ encoded: body }], said: {} };
  if (body === undefined || body === null)
    throw new RobleError('ROBLE_IMAGE_EMPTY', 'The request has no body.', { expected: ACCEPTED_BODIES });
  return undefined;
}

export function keysOf(body: object): string {
  return Object.keys(body).join(', ') || 'none of them';
}
