/**
 * The quick start: draws a small character set, trains on it, prints the validation accuracy, and classifies an image
 * that the model has not seen. It runs the very commands that it prints. Everything goes into the folder `quickstart`,
 * which is made anew each time.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openDataset } from '../dist/index.js';
import { terminalPicture } from '../dist/ui/terminal/picture.js';

const FOLDER = 'quickstart';
const EXPECTED_ACCURACY = 0.9;
const cli = fileURLToPath(new URL('../bin/run.js', import.meta.url));

/** Runs a command in sight; gives what it says with --json. */
function roble(...words) {
  console.log(`\n$ roble ${words.join(' ')}`);
  const { status, stdout } = spawnSync(process.execPath, [cli, ...words, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const answer = JSON.parse(stdout);
  if (status !== 0) throw new Error(`roble ${words[0]} ended with ${status}: ${answer.error?.message}`);
  return answer.result;
}

async function main() {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER);
  const dataset = `${FOLDER}/dataset`;
  const splits = 'train=0.8,validation=0.15,test=0.05';
  const drawn = roble(
    'data:synth',
    '--characters',
    '0-9A-F',
    '--per-class',
    '300',
    '--split',
    splits,
    '--out',
    dataset,
  );
  console.log(`${drawn.count} images of ${drawn.classes.length} characters: ${JSON.stringify(drawn.splits)}`);

  const run = `${FOLDER}/run`;
  const trained = roble(
    'train',
    '--dataset',
    dataset,
    '--preset',
    'cnn-small',
    '--epochs',
    '8',
    '--learning-rate',
    '0.004',
    '--run',
    run,
  );
  const accuracy = trained.best.valAccuracy;
  console.log(
    `validation accuracy ${(accuracy * 100).toFixed(1)} % (epoch ${trained.best.epoch}), by writers that training did not see`,
  );

  const { label, picture } = await unseenImage(dataset, `${FOLDER}/unseen.png`);
  const [{ predictions }] = roble('predict', `${FOLDER}/unseen.png`, '--model', `${run}/model`).predictions;
  console.log(picture);
  console.log(`It is "${label}"; the model says:`);
  for (const { label: guess, probability } of predictions)
    console.log(`  ${guess}  ${(probability * 100).toFixed(1)} %`);

  console.log(`\nNext: npx roble serve --model ${run}/model`);
  if (accuracy < EXPECTED_ACCURACY)
    throw new Error(`The accuracy is below ${EXPECTED_ACCURACY}: something is wrong.`);
}

/** An image of the test split, which training never reads, as a PNG and as text. */
async function unseenImage(folder, file) {
  const { manifest, load } = await openDataset(folder);
  const { images, labels, count } = await load('test');
  const { width, height, channels } = manifest.preprocessing;
  const size = width * height * channels;
  const index = Math.floor(count / 2);
  const pixels = images.slice(index * size, (index + 1) * size);
  const { default: sharp } = await import('sharp');
  await writeFile(file, await sharp(pixels, { raw: { width, height, channels } }).png().toBuffer());
  const color = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR;
  return {
    label: manifest.classes[labels[index]],
    picture: terminalPicture(pixels, manifest.preprocessing, { color }),
  };
}

await main();
