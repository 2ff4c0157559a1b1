import { showAnswer, showIdle, showProblem } from './answer-view.js';
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
  type Statistics,
} from './server.js';
import { showStatistics, watchStatistics } from './statistics-view.js';

/** Between two strokes of a character there is less. */
const PAUSE_MS = 150;
/** Larger pictures than this are photographs rather than characters. */
const MAX_DRAWN_SIDE = 64;
const MAX_TRIES = 5;
/** Between two tries, whatever the server says: a person waits. */
const MAX_PAUSE_SECONDS = 10;

const correction = new Correction();
const images = new ImageInput(() => {
  if (images.file) setMode('image');
  ask();
});
const pad = new DrawingPad(element('draw-panel'), element<HTMLCanvasElement>('pad'), {
  started: () => {
    clearTimeout(pause);
    element('pad-invitation').hidden = true;
  },
  changed: () => {
    const isEmpty = pad.strokes.length === 0;
    element('pad-invitation').hidden = !isEmpty;
    for (const id of ['undo', 'clear']) setIdle(element<HTMLButtonElement>(id), isEmpty);
    clearTimeout(pause);
    if (isEmpty) ask();
    else pause = setTimeout(ask, PAUSE_MS);
  },
  say: (text) => {
    element('pen-status').textContent = text;
  },
});
let pause = 0;
let mode: 'draw' | 'image' = 'draw';
const chosenModel = new ChosenModel(() => {
  if (news) showNews(news);
  ask();
});

let news: Statistics | undefined;

const answerNewest = newestOnly<Question | undefined>(async (question, isNewest) => {
  if (question === undefined) return showIdle();
  element('answer').ariaBusy = 'true';
  try {
    const started = performance.now();
    const answer = await patiently(question, isNewest);
    if (!isNewest()) return;
    showAnswer(answer, performance.now() - started);
    correction.show(answer, question, news ? chosenModel.of(news).classes : []);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (isNewest()) showProblem(error.message, error.status === 0 || error.status >= 429);
  } finally {
    element('answer').ariaBusy = 'false';
  }
});

/** Comes back to a busy server when it says so, as long as anybody wants the answer. */
async function patiently(question: Question, isNewest: () => boolean): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    try {
      return await question.ask(chosenModel.name);
    } catch (error) {
      const seconds = error instanceof Problem ? error.retryAfterSeconds : 0;
      if (seconds === 0 || tries === MAX_TRIES || !isNewest()) throw error;
      await pauseWhile(isNewest, 1000 * Math.min(seconds, MAX_PAUSE_SECONDS));
      if (!isNewest()) throw error;
    }
  }
}

/** Waits so long, or until nobody cares any more. */
async function pauseWhile(isWanted: () => boolean, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end && isWanted()) await new Promise((resolve) => setTimeout(resolve, 100));
}

function ask(): void {
  void answerNewest(currentQuestion());
}

/** Undefined when there is nothing to ask. */
function currentQuestion(): Question | undefined {
  const { strokes } = pad;
  const { file } = images;
  if (mode === 'draw') return strokes.length > 0 ? drawingQuestion(strokes) : undefined;
  return file && fileQuestion(file);
}

function setMode(next: typeof mode): void {
  mode = next;
  for (const name of ['draw', 'image'] as const)
    for (const part of ['panel', 'tools', 'help']) element(`${name}-${part}`).hidden = name !== mode;
  element<HTMLInputElement>(`mode-${mode}`).checked = true;
}

/** The first news of the model decide what the page leads with. */
function leadWithWhatFits({ input }: Model): void {
  const isPhotograph = input.channels > 1 || Math.max(input.width, input.height) > MAX_DRAWN_SIDE;
  if (isPhotograph && pad.strokes.length === 0) setMode('image');
}

function describeClasses(classes: readonly string[]): string {
  const named = classes.slice(0, 36);
  const more = classes.length - named.length;
  return `It knows ${named.join(named.some(({ length }) => length > 1) ? ', ' : ' ')}${more > 0 ? ` and ${more} more` : ''}.`;
}
function showNews(statistics: Statistics): void {
  const asked = chosenModel.name;
  chosenModel.offer(statistics);
  const model = chosenModel.of(statistics);
  showStatistics(statistics, model);
  correction.setUp(statistics.predictionLog);
  element('known').textContent = describeClasses(model.classes);
  if (!news) leadWithWhatFits(model);
  news = statistics;
  // The first news say that there are several models; later ones, that the chosen one has gone.
  if (chosenModel.name !== asked) ask();
}
watchStatistics(showNews);

for (const name of ['draw', 'image'] as const)
  element(`mode-${name}`).addEventListener('change', () => {
    setMode(name);
    ask();
  });
element('undo').addEventListener('click', () => pad.undo());
element('clear').addEventListener('click', () => pad.clear());
element('retry').addEventListener('click', ask);
document.addEventListener('keydown', (event) => {
  const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === 'z';
  if (!isUndo || mode !== 'draw' || event.target instanceof HTMLInputElement) return;
  event.preventDefault();
  pad.undo();
});

/**
 * Answers one question at a time; of those that come meanwhile only the newest is kept.
 *
 * @param work told by `isNewest` whether anybody still wants the answer
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
