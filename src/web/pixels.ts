import type { ModelInput } from './server.js';

/** Paints what a model saw, pixel by pixel. */
export function paintPixels(
  canvas: HTMLCanvasElement,
  { width, height, channels, pixels }: ModelInput,
): void {
  const values = Uint8Array.from(atob(pixels), (character) => character.charCodeAt(0));
  const picture = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const at = i * channels;
    const green = channels === 1 ? at : at + 1;
    const blue = channels === 1 ? at : at + 2;
    picture.data.set([values[at]!, values[green]!, values[blue]!, 255], 4 * i);
  }
  canvas.width = width;
  canvas.height = height;
  canvas.classList.toggle('coarse', Math.max(width, height) < 100);
  canvas.getContext('2d')!.putImageData(picture, 0, 0);
}
