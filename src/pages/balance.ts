import { spreadIndices } from '../core/base/collections.js';
import { countOf, formatCount } from '../core/base/text/text.js';
import type { BalanceResult } from '../core/data/balance/balance.js';
import type { ClassPlan } from '../core/data/balance/plan.js';
import { type SampleProvenance, splitCounts } from '../core/data/dataset/format.js';
import { type Dataset, openDataset, readProvenance, viewOf } from '../core/data/dataset/open.js';
import { contactSheet, reportZoom } from '../core/image/contact-sheet.js';
import {
  element,
  escapeMarkup,
  htmlSection,
  htmlTable,
  inlinePng,
  numeric,
  pageFrame,
  paragraph,
} from './kit/html.js';

/** Rows of the contact sheet, each an original and its first copies. */
const ROWS = 24;
const COPIES = 8;

/** The report of a balanced data set as one page: the counts before and after, and originals beside their copies. */
export async function balancePage({ out, classes, warnings }: BalanceResult): Promise<string> {
  const dataset = await openDataset(out);
  const { manifest } = dataset;
  const { name, fingerprint } = manifest;
  const counts = Object.entries(splitCounts(manifest)).map(
    ([split, count]) => `${split} ${formatCount(count)}`,
  );
  return pageFrame(name, [
    element('h1', {}, escapeMarkup(name)),
    paragraph(
      `${counts.join(', ')}; ${countOf(classes.length, 'class', 'classes')}, fingerprint ${fingerprint}`,
    ),
    ...warnings.map(paragraph),
    htmlSection('Originals and their copies', await copiesHtml(dataset)),
    htmlSection('Classes of train', classesTable(classes)),
  ]);
}

function classesTable(classes: readonly ClassPlan[]): string {
  const numbers = ['original', 'kept', 'synthetic', 'augmented', 'total', 'target', 'mostCopies'] as const;
  return htmlTable(
    [{ title: 'class' }, ...numbers.map((key) => numeric(key === 'mostCopies' ? 'copies of one' : key))],
    classes.map((plan) => [plan.name, ...numbers.map((key) => formatCount(plan[key]))]),
  );
}

async function copiesHtml(dataset: Dataset): Promise<string> {
  const provenance = await readProvenance(dataset, 'train');
  const split = await dataset.open('train');
  const rows = chooseRows(provenance, split.labels);
  if (rows.length === 0) return paragraph('No copy was needed.');
  const { preprocessing } = dataset.manifest;
  const pictures = rows.flatMap((row) =>
    Array.from({ length: 1 + COPIES }, (_, i) =>
      row[i] === undefined ? undefined : viewOf(split, preprocessing, row[i]).data,
    ),
  );
  const sheet = await contactSheet(pictures, preprocessing, {
    columns: 1 + COPIES,
    zoom: reportZoom(preprocessing),
  });
  return `${paragraph('Each row: an original, then its first copies.')}${inlinePng(sheet, 'Originals beside their copies')}`;
}

/** Rows of an original and its copies, as indices in train; their classes are spread evenly over those that have copies. */
function chooseRows(provenance: readonly SampleProvenance[], labels: Uint16Array): number[][] {
  const rows = new Map<number, number[]>();
  const originals = new Map<string, number>();
  for (const [i, { copy, sha256 }] of provenance.entries()) {
    const label = labels[i]!;
    if (!copy) originals.set(`${label} ${sha256}`, i);
    else if (!rows.has(label)) rows.set(label, [originals.get(`${label} ${copy.of}`)!, i]);
    else if (provenance[rows.get(label)![1]!]!.copy!.of === copy.of) rows.get(label)!.push(i);
  }
  const all = [...rows.values()];
  return spreadIndices(all.length, ROWS).map((i) => all[i]!);
}
