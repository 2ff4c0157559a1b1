import { showAnswer, showIdle, showProblem } from './answer-view.js';
import { Camera } from './camera.js';
import { ChosenModel } from './chosen-model.js';
import { Correction } from './correction.js';
import { DrawingPad } from './drawing-pad.js';
import { element, setIdle } from './elements.js';
import { ImageInput } from './image-input.js';
import {
  type Answer,
  drawingQuestion,
  fileQuestion,
  type Model,
  Problem,
  type Question,
  Server,
  type Statistics,
} from './server.js';
import { showStatistics, watchStatistics } from './statistics-view.js';
import { Why } from './why.js';

/** Between two strokes of a character there is less. */
const PAUSE_MS = 150;
/** Larger pictures than this are photographs rather than characters. */
const MAX_DRAWN_SIDE = 64;
const MAX_TRIES = 5;
/** Between two tries, whatever the server says: a person waits. */
const MAX_PAUSE_SECONDS = 10;
/** Classes that are listed by name. */
const MAX_NAMED_CLASSES = 36;

const MODES = ['draw', 'image', 'camera'] as const;
/** The camera gives the image, and has no question of its own. */
type Mode = (typeof MODES)[number];

/** The page: a drawing or an image file is the question, and each change of it asks the server. */
class Page {
  readonly #server = new Server();
  readonly #correction = new Correction(this.#server);
  readonly #why = new Why();
  readonly #camera: Camera;
  readonly #images: ImageInput;
  readonly #pad: DrawingPad;
  readonly #chosenModel: ChosenModel;
  readonly #answerNewest: (question: Question | undefined) => Promise<void>;
  #mode: Mode = 'draw';
  /** The timer that asks when no further stroke begins. */
  #pause = 0;
  /** The latest from the server. */
  #statistics: Statistics | undefined;

  constructor() {
    this.#answerNewest = newestOnly((question, isNewest) => this.#answer(question, isNewest));
    this.#images = new ImageInput(() => {
      if (this.#images.file) this.#setMode('image');
      this.#ask();
    });
    this.#camera = new Camera({
      opened: () => this.#setMode('camera'),
      closed: () => this.#setMode('image'),
      taken: (file) => this.#images.give(file),
    });
    this.#pad = new DrawingPad(element('draw-panel'), element<HTMLCanvasElement>('pad'), {
      started: () => {
        clearTimeout(this.#pause);
        element('pad-invitation').hidden = true;
      },
      changed: () => this.#drawingChanged(),
      say: (text) => {
        element('pen-status').textContent = text;
      },
    });
    this.#chosenModel = new ChosenModel(() => {
      if (this.#statistics) this.#showStatistics(this.#statistics);
      this.#ask();
    });
    this.#listen();
    watchStatistics(this.#server, (statistics) => this.#showStatistics(statistics));
  }

  #listen(): void {
    for (const mode of ['draw', 'image'] as const)
      element(`mode-${mode}`).addEventListener('change', () => {
        this.#setMode(mode);
        this.#ask();
      });
    element('undo').addEventListener('click', () => this.#pad.undo());
    element('clear').addEventListener('click', () => this.#pad.clear());
    element('retry').addEventListener('click', () => this.#ask());
    document.addEventListener('keydown', (event) => {
      const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === 'z';
      if (!isUndo || this.#mode !== 'draw' || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      this.#pad.undo();
    });
  }

  #drawingChanged(): void {
    const isEmpty = this.#pad.strokes.length === 0;
    element('pad-invitation').hidden = !isEmpty;
    for (const id of ['undo', 'clear']) setIdle(element<HTMLButtonElement>(id), isEmpty);
    clearTimeout(this.#pause);
    if (isEmpty) this.#ask();
    else this.#pause = setTimeout(() => this.#ask(), PAUSE_MS);
  }

  #setMode(mode: Mode): void {
    this.#mode = mode;
    if (mode !== 'camera') this.#camera.stop();
    for (const name of MODES)
      for (const part of ['panel', 'tools', 'help']) element(`${name}-${part}`).hidden = name !== mode;
    element<HTMLInputElement>(mode === 'draw' ? 'mode-draw' : 'mode-image').checked = true;
  }

  #ask(): void {
    void this.#answerNewest(this.#currentQuestion());
  }

  /** Undefined when there is nothing to ask. */
  #currentQuestion(): Question | undefined {
    const { strokes } = this.#pad;
    const { file } = this.#images;
    if (this.#mode === 'draw') return strokes.length > 0 ? drawingQuestion(this.#server, strokes) : undefined;
    return file && fileQuestion(this.#server, file);
  }

  async #answer(question: Question | undefined, isNewest: () => boolean): Promise<void> {
    if (question === undefined) return showIdle();
    element('answer').ariaBusy = 'true';
    try {
      const started = performance.now();
      const answer = await this.#askPatiently(question, isNewest);
      if (!isNewest()) return;
      showAnswer(answer, performance.now() - started);
      const classes = this.#statistics ? this.#chosenModel.of(this.#statistics).classes : [];
      this.#correction.show(answer, question, classes);
      this.#why.show(answer, question, this.#chosenModel.name);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (isNewest()) showProblem(error.message, error.status === 0 || error.status >= 429);
    } finally {
      element('answer').ariaBusy = 'false';
    }
  }

  /** Asks a busy server again when it says so, as long as the answer is wanted. */
  async #askPatiently(question: Question, isNewest: () => boolean): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      try {
        return await question.ask(this.#chosenModel.name);
      } catch (error) {
        const seconds = error instanceof Problem ? error.retryAfterSeconds : 0;
        if (seconds === 0 || tries === MAX_TRIES || !isNewest()) throw error;
        await pauseWhile(isNewest, 1000 * Math.min(seconds, MAX_PAUSE_SECONDS));
        if (!isNewest()) throw error;
      }
    }
  }

  #showStatistics(statistics: Statistics): void {
    const asked = this.#chosenModel.name;
    this.#chosenModel.offer(statistics);
    const model = this.#chosenModel.of(statistics);
    showStatistics(statistics, model);
    this.#correction.setUp(statistics.predictionLog);
    this.#why.setUp(statistics.explanations !== undefined);
    element('known').textContent = describeClasses(model.classes);
    if (!this.#statistics) this.#leadWithWhatFits(model);
    this.#statistics = statistics;
    // The first statistics say that there are several models; later ones, that the chosen one has gone.
    if (this.#chosenModel.name !== asked) this.#ask();
  }

  /** The first statistics decide whether the page begins with the drawing or the file. */
  #leadWithWhatFits({ input }: Model): void {
    const isPhotograph = input.channels > 1 || Math.max(input.width, input.height) > MAX_DRAWN_SIDE;
    if (isPhotograph && this.#pad.strokes.length === 0) this.#setMode('image');
  }
}

/** Waits, but no longer than the result is wanted. */
async function pauseWhile(isWanted: () => boolean, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end && isWanted()) await new Promise((resolve) => setTimeout(resolve, 100));
}

function describeClasses(classes: readonly string[]): string {
  const named = classes.slice(0, MAX_NAMED_CLASSES);
  const separator = named.some(({ length }) => length > 1) ? ', ' : ' ';
  const others = classes.length - named.length;
  return `It knows ${named.join(separator)}${others > 0 ? ` and ${others} more` : ''}.`;
}

/**
 * Answers one question at a time; of those that come meanwhile only the newest is kept.
 *
 * @param work `isNewest` says whether the answer is still wanted
 */
function newestOnly<Q>(
  work: (question: Q, isNewest: () => boolean) => Promise<void>,
): (question: Q) => Promise<void> {
  let waiting: { readonly question: Q } | undefined;
  let isWorking = false;
  return async (question) => {
    waiting = { question };
    if (isWorking) return;
    isWorking = true;
    try {
      while (waiting) {
        const next: { readonly question: Q } = waiting;
        waiting = undefined;
        await work(next.question, () => waiting === undefined);
      }
    } finally {
      isWorking = false;
    }
  };
}

new Page();
