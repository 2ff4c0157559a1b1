import { replaceFile } from '../../core/base/storage/durable.js';
import { csvField } from '../../core/base/text/text.js';
import type { RunAnalysis } from '../../core/learning/analysis/analyze-run.js';
import type { AnalyzedRuns } from '../../core/learning/analysis/analyze-runs.js';
import { metricNames, metricOf } from '../../core/learning/history/recorded-run.js';
import { standaloneSvg } from '../plot/panel.js';
import { historyPage } from './page.js';
import { comparisonPanels, runPanels } from './plots.js';

/** Files by their form. */
export interface ReportFiles {
  /** One page with everything, which needs no other file. */
  readonly html?: string;
  /** The plots: of one run its curves and results, of several their curves against each other. */
  readonly svg?: string;
  readonly png?: string;
  /** The metrics of every epoch. */
  readonly csv?: string;
}

/** Pixels of a PNG for each of the SVG: sharp on dense screens and in print. */
const PNG_SCALE = 2;
/** The resolution at which a pixel of an SVG is one of a PNG. */
const SVG_DPI = 72;

/** Writes the files that are named, each as a whole or not at all. */
export async function writeReports(analyzed: AnalyzedRuns, files: ReportFiles): Promise<void> {
  if (Object.keys(files).length === 0) return;
  const { recorded, runs, comparison } = analyzed;
  const panels = recorded.map((run, i) => runPanels(run, runs[i]!));
  const together = recorded.length > 1 ? comparisonPanels(runs, comparison) : [];
  if (files.html !== undefined) await replaceFile(files.html, await historyPage(analyzed, panels, together));
  if (files.csv !== undefined) await replaceFile(files.csv, epochsCsv(runs));
  const svg =
    recorded.length > 1
      ? standaloneSvg(`${recorded.length} runs`, together)
      : standaloneSvg(recorded[0]!.name, panels[0]!);
  if (files.svg !== undefined) await replaceFile(files.svg, svg);
  if (files.png !== undefined) await replaceFile(files.png, await rendered(svg));
}

async function rendered(svg: string): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  return sharp(Buffer.from(svg), { density: SVG_DPI * PNG_SCALE })
    .png()
    .toBuffer();
}

/** The epochs of all runs as a table, a line for each; what an epoch does not have is empty. Quoted as RFC 4180 says. */
export function epochsCsv(runs: readonly RunAnalysis[]): string {
  const names = metricNames(runs.flatMap(({ epochs }) => epochs));
  const rows = runs.flatMap(({ name, epochs, best }) =>
    epochs.map((epoch) => [
      name,
      String(epoch.epoch),
      String(epoch === best),
      ...names.map((metric) => String(metricOf(epoch, metric) ?? '')),
    ]),
  );
  const lines = [['run', 'epoch', 'best', ...names], ...rows];
  return lines.map((line) => `${line.map(csvField).join(',')}\r\n`).join('');
}
