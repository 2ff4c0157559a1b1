import { create, element, milliseconds, percent } from './elements.js';
import type { Answer, ModelInput, Prediction } from './server.js';

/** How the page says that the model did not compute the answer for this request. */
const SOURCES: Readonly<Record<Answer['source'], string>> = {
  model: '',
  shared: ', with an equal request',
  memory: ', from memory',
  redis: ', from Redis',
};

/** Shows that nothing has been asked yet. */
export function showIdle(): void {
  show('idle');
  element('answer-status').textContent = '';
}

export function showProblem(text: string, canRetry: boolean): void {
  element('problem-text').textContent = text;
  element('retry').hidden = !canRetry;
  show('problem');
}

/** @param tookMs from the question to the answer, as the browser saw it */
export function showAnswer(answer: Answer, tookMs: number): void {
  const { predictions, input, model, source, timings } = answer;
  const [best] = predictions;
  element('best').textContent = best!.label;
  element('best').classList.toggle('long', best!.label.length > 3);
  element('best-share').textContent = percent(best!.probability);
  showGuesses(predictions);
  paintPixels(element<HTMLCanvasElement>('seen'), input);
  const { width, height, channels } = input;
  element('seen-size').textContent = `${width} × ${height} pixels, ${channels === 1 ? 'grey' : 'colour'}`;
  element('answered-by').textContent = `${model.name} ${model.digest.slice(0, 8)}${SOURCES[source]}`;
  element('answer-time').textContent =
    `${milliseconds(timings.totalMs)} on the server, ${milliseconds(tookMs)} in all`;
  element('answer-status').textContent = predictions
    .map(({ label, probability }) => `${label}, ${percent(probability)}`)
    .slice(0, 3)
    .join('. ');
  show('result');
}

function show(part: 'idle' | 'problem' | 'result'): void {
  for (const id of ['idle', 'problem', 'result']) element(id).hidden = id !== part;
}

/** Rows stay from answer to answer, so that the bars move to their new lengths. */
function showGuesses(predictions: readonly Prediction[]): void {
  const list = element('guesses');
  while (list.children.length < predictions.length) list.append(guessRow());
  for (const [i, row] of [...list.children].entries()) {
    const { label, probability } = predictions[i] ?? { label: '', probability: 0 };
    (row as HTMLElement).hidden = i >= predictions.length;
    const [name, track, value] = row.children;
    name!.textContent = label;
    value!.textContent = percent(probability);
    (track!.firstElementChild as HTMLElement).style.width = `${100 * probability}%`;
  }
}

function guessRow(): HTMLElement {
  const row = create('li');
  const track = create('span', 'track');
  track.append(create('span', 'fill'));
  row.append(create('span', 'guess'), track, create('span', 'share'));
  return row;
}

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
