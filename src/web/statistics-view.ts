import { duration, element, milliseconds, number, percent } from './elements.js';
import { type Model, Problem, type Server, type Statistics } from './server.js';

const EVERY_MS = 5000;

/**
 * Asks the server for its statistics every few seconds while the page is visible.
 *
 * @param show called with each answer
 */
export function watchStatistics(server: Server, show: (statistics: Statistics) => void): void {
  let timer = 0;
  const look = async () => {
    clearTimeout(timer);
    if (document.visibilityState === 'hidden') return;
    const goOn = await update(server, show);
    clearTimeout(timer);
    if (goOn) timer = setTimeout(look, EVERY_MS);
  };
  document.addEventListener('visibilitychange', look);
  void look();
}

/** @returns whether it is worth asking again */
async function update(server: Server, show: (statistics: Statistics) => void): Promise<boolean> {
  try {
    show(await server.statistics());
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // Not for this key, or not on this server.
    const isRefused = error.status === 403 || error.status === 404;
    if (isRefused) element('statistics').hidden = element('model').hidden = true;
    else showState('out', error.status === 0 ? 'out of reach' : 'not well');
    return !isRefused;
  }
}

/** @param model the one that the page asks */
export function showStatistics(
  { uptimeSeconds, requests, images, latencyMs, cache, workers }: Statistics,
  model: Model,
): void {
  const { model: computed, ...kept } = cache.answers;
  const fromCache = Object.values(kept).reduce((sum, count) => sum + count, 0);
  const answers = computed + fromCache;
  const texts: Readonly<Record<string, string>> = {
    requests: number(requests),
    images: number(images),
    p50: latencyMs ? milliseconds(latencyMs.p50) : '–',
    p99: latencyMs ? milliseconds(latencyMs.p99) : '–',
    cache: answers > 0 ? percent(fromCache / answers) : '–',
    workers: `${model.workers.ready} of ${workers.wanted}`,
    uptime: duration(uptimeSeconds),
  };
  for (const [name, text] of Object.entries(texts)) element(`stat-${name}`).textContent = text;
  element('model-name').textContent = model.name;
  element('model-digest').textContent = model.digest.slice(0, 8);
  element('model-digest').title = model.digest;
  element('statistics').hidden = element('model').hidden = false;
  if (model.workers.ready > 0) showState('ready', `${number(model.classes.length)} classes`);
  else showState('out', 'no worker is ready');
}

function showState(state: 'ready' | 'out', text: string): void {
  element('state-dot').dataset.state = state;
  element('model-state').textContent = text;
}
