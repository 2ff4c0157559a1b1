import type { ReportedCheck } from '../core/base/diagnosis.js';
import { formatCount } from '../core/base/text/text.js';
import type { DatasetManifest } from '../core/data/dataset/format.js';
import type { MeasuredDevice } from '../core/learning/devices.js';
import type { SetUpResult } from '../core/operations/gpu/set-up.js';

/** What an audit says about the data set of the project. */
export type AuditedDataset = Pick<DatasetManifest, 'name' | 'classes' | 'splits'> & {
  readonly folder: string;
};

const MARKS: Readonly<Record<ReportedCheck['status'], string>> = {
  ok: 'ok',
  warning: 'warning',
  failed: 'failed',
  skipped: '-',
};

/** The audit of a machine as Markdown: machine, software, data, figures, and risks with advice. */
export function auditMarkdown(
  result: SetUpResult,
  dataset: AuditedDataset | undefined,
  version: string,
): string {
  const { machine, findings, devices, missing, best, asked } = result;
  const risks = findings.filter(({ status }) => status === 'failed' || status === 'warning');
  return [
    '# Audit of a machine for training',
    '',
    '## Machine',
    '',
    ...rows([
      ['Processor', `${machine.processor}, ${machine.threads} threads`],
      ['Memory', `${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
      ['Where', machine.where],
      ['GPUs', machine.gpus.map(({ vendor, address }) => `${vendor} at ${address}`).join(', ') || 'none'],
      ...machine.states.map((state, i): [string, string] => [
        `GPU ${state.index ?? i}`,
        Object.entries(state)
          .filter(([field]) => field !== 'index')
          .map(([field, value]) => `${field} ${value}`)
          .join(', '),
      ]),
    ]),
    '',
    '## Software',
    '',
    ...rows([
      ['Node', machine.node],
      ['roble', version],
      ...missing.map(({ engine, reason }): [string, string] => [`Engine ${engine}`, `not here: ${reason}`]),
    ]),
    '',
    '## Data',
    '',
    ...(dataset
      ? rows([
          ['Data set', `${dataset.name} (${dataset.folder})`],
          ['Classes', `${dataset.classes.length}`],
          ...Object.entries(dataset.splits).map(([split, found]): [string, string] => [
            split,
            `${found?.count ?? 0} images`,
          ]),
        ])
      : ['The project has no data set yet.']),
    '',
    '## Figures',
    '',
    'Images per second with the network `cnn-v2` on pictures of 28x28, batches of 64, measured on this machine.',
    '',
    '| engine | device | training | inference | note |',
    '|---|---|---|---|---|',
    ...devices.map(figureRow),
    '',
    `The fastest device for training: ${best ? `${best.device} of ${best.engine}` : 'none'}. The configuration asks for ${asked.device} of ${asked.engine}: ${asked.usable ? 'usable' : `not usable, ${asked.reason}`}.`,
    '',
    '## Risks',
    '',
    ...(risks.length === 0 ? ['None was found.'] : []),
    ...risks.flatMap(({ title, status, detail, advice = [] }) => [
      `* **${title}** (${MARKS[status]}): ${detail}`,
      ...advice.map((step) => `  * ${step}`),
    ]),
    '',
    '## Checks',
    '',
    '| check | result | |',
    '|---|---|---|',
    ...findings.map(({ title, status, detail }) => `| ${title} | ${MARKS[status]} | ${cell(detail)} |`),
    '',
  ].join('\n');
}

function rows(pairs: readonly (readonly [string, string])[]): string[] {
  return ['| | |', '|---|---|', ...pairs.map(([name, value]) => `| ${name} | ${cell(value)} |`)];
}

function figureRow(one: MeasuredDevice): string {
  const rate = (value: number | undefined) => (value === undefined ? '' : formatCount(Math.round(value)));
  const note = one.usable
    ? one.software
      ? 'software adapter'
      : one.description
    : `not usable: ${one.reason}`;
  return `| ${one.engine} | ${one.device} | ${rate(one.trainImagesPerSecond)} | ${rate(one.inferImagesPerSecond)} | ${cell(note)} |`;
}

/** Text in a cell of a Markdown table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
