import { countOf, formatCount } from '../core/base/text/text.js';
import { SPLITS } from '../core/data/dataset/format.js';
import type { Finding, FoundSample, SamplePlace } from '../core/data/validate/subject.js';
import { pictureOf, type Subject } from '../core/data/validate/subject.js';
import type { Validated, ValidationResult } from '../core/data/validate/validate.js';
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

/** Samples of a finding that are shown. */
const SHOWN = 48;
/** Pairs, or pictures, in a row of a contact sheet; an empty cell separates pairs. */
const PAIRS_IN_ROW = 8;
const PICTURES_IN_ROW = 16;

/** The report of a validation as one page, with the pictures that were found. */
export async function validationPage(validated: Validated): Promise<string> {
  const { name, count, classes, fingerprint, checks, findings, subject } = validated;
  const parts: string[] = [];
  for (const finding of findings) parts.push(await findingHtml(subject, finding));
  return pageFrame(name, [
    element('h1', {}, escapeMarkup(name)),
    paragraph(
      `${countOf(count, 'image')} of ${countOf(classes.length, 'class', 'classes')}, fingerprint ${fingerprint}`,
    ),
    paragraph(`Checks: ${checks.join(', ')}.`),
    htmlSection('Findings', ...(parts.length > 0 ? parts : [paragraph('Nothing was found.')])),
    htmlSection('Classes', classesTable(validated)),
  ]);
}

function classesTable({ classes, splits }: Pick<ValidationResult, 'classes' | 'splits'>): string {
  const present = SPLITS.filter((split) => splits[split] !== undefined);
  return htmlTable(
    [{ title: 'class' }, ...present.map(numeric)],
    classes.map((row) => [row.name, ...present.map((split) => formatCount(row[split] ?? 0))]),
  );
}

async function findingHtml(subject: Subject, finding: Finding): Promise<string> {
  const { check, severity, message, suggestion, samples } = finding;
  return element(
    'div',
    { class: `finding ${severity}` },
    element('span', { class: 'severity' }, escapeMarkup(`${severity}: ${check}`)),
    paragraph(message),
    suggestion === undefined ? '' : paragraph(`→ ${suggestion}`),
    samples.length === 0 ? '' : await samplesHtml(subject, samples),
  );
}

async function samplesHtml(subject: Subject, samples: readonly FoundSample[]): Promise<string> {
  const shown = samples.slice(0, SHOWN);
  const rows = shown.map(({ split, index, label, source, detail = '' }, i) => [
    String(i + 1),
    `${split} ${index}`,
    label,
    source,
    detail,
  ]);
  const columns = [numeric(''), ...['sample', 'label', 'source', ''].map((title) => ({ title }))];
  const rest = samples.length - shown.length;
  return [
    inlinePng(await sheetOf(subject, shown), 'The pictures of the table, row by row'),
    element('details', {}, element('summary', {}, countOf(shown.length, 'sample')), htmlTable(columns, rows)),
    rest > 0 ? paragraph(`${formatCount(rest)} more; --json lists all.`) : '',
  ].join('');
}

/** The pictures, each beside the one that it repeats. */
async function sheetOf(subject: Subject, samples: readonly FoundSample[]): Promise<Buffer> {
  const { preprocessing } = subject.manifest;
  const zoom = reportZoom(preprocessing);
  const splits = new Map(subject.splits.map((split) => [split.split, split] as const));
  const picture = ({ split, index }: SamplePlace) => pictureOf(subject, { split: splits.get(split)!, index });
  if (!samples.some(({ like }) => like))
    return contactSheet(samples.map(picture), preprocessing, {
      columns: Math.min(PICTURES_IN_ROW, samples.length),
      zoom,
    });
  const pairs = samples.flatMap((sample) => [
    picture(sample),
    sample.like && picture(sample.like),
    undefined,
  ]);
  return contactSheet(pairs, preprocessing, { columns: 3 * Math.min(PAIRS_IN_ROW, samples.length), zoom });
}
