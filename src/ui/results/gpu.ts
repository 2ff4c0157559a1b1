import { formatCount } from '../../core/base/text.js';
import type { SetUpResult } from '../../core/operations/gpu/set-up.js';
import { tableLines } from '../terminal/format.js';

const MARKS = { ok: '+', warning: '!', failed: 'x', skipped: '-' } as const;

/** What `gpu:setup` found, for people; the verdict last. */
export function gpuLines({
  machine,
  findings,
  devices,
  missing,
  best,
  asked,
  kept,
  written = [],
}: SetUpResult & { readonly written?: readonly string[] }): string[] {
  const rate = (value: number | undefined) => (value === undefined ? '' : formatCount(Math.round(value)));
  return [
    `${machine.processor}, ${machine.threads} threads, ${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB; Node ${machine.node.slice(1)}; ${machine.where}`,
    '',
    ...findings.flatMap(({ title, status, detail, advice = [] }) => [
      `${MARKS[status]} ${title}: ${detail}`,
      ...advice.map((step) => `    ${step}`),
    ]),
    '',
    ...tableLines(
      [
        { title: 'Engine' },
        { title: 'Device' },
        { title: 'Training images/s', numeric: true },
        { title: 'Inference images/s', numeric: true },
        { title: 'Difference', numeric: true },
        { title: 'What it is' },
      ],
      devices.map((one) => [
        one.engine,
        one.device,
        rate(one.trainImagesPerSecond),
        rate(one.inferImagesPerSecond),
        one.difference?.toExponential(1) ?? '',
        one.usable
          ? `${one.description}${one.software ? ' (software: never chosen by itself)' : ''}${one.trainImagesPerSecond === undefined ? ' (too slow to be timed)' : ''}`
          : `not usable: ${one.reason}`,
      ]),
    ),
    '(cnn-v2, pictures of 28x28, batches of 64; the difference is that of losses and probabilities from the CPU of onnx)',
    ...missing.map(({ engine, reason }) => `The engine ${engine} is not here: ${reason}`),
    '',
    best
      ? `Verdict: take the device ${best.device} of the engine ${best.engine}.${kept ? ' "--device auto" does.' : ' The cache folder cannot be written, so that "--device auto" takes the CPU.'}`
      : 'Verdict: no device can be used.',
    asked.usable
      ? `The configuration asks for ${asked.device} of ${asked.engine}: it can be used.`
      : `The configuration asks for ${asked.device} of ${asked.engine}, which cannot be used: ${asked.reason}.`,
    ...written.map((file) => `Wrote ${file}.`),
  ];
}
