import { formatCount } from '../../core/base/text/text.js';
import type { CleanResult } from '../../core/data/validate/clean.js';
import type { Finding, FoundSample } from '../../core/data/validate/subject.js';
import type { ValidationResult } from '../../core/data/validate/validate.js';
import { cutLine, formatSplits, wrapWords } from '../terminal/format.js';
import type { TextOptions } from '../terminal/style.js';

/** Samples of a finding that are listed. */
const LISTED = 5;

const SEVERITY_COLORS = { error: 'red', warning: 'yellow', info: 'cyan' } as const;

/** What was found, each with its first samples and how to mend it, and what was written. */
export function validationLines(
  result: ValidationResult & { readonly html?: string; readonly cleaned?: CleanResult },
  options: TextOptions,
): string[] {
  const { name, count, classes, splits, findings, severities, html, cleaned } = result;
  return [
    `${name}: ${formatCount(count)} images of ${classes.length} classes (${formatSplits(splits)})`,
    ...findings.flatMap((finding) => findingLines(finding, options)),
    '',
    findings.length === 0
      ? 'Nothing was found.'
      : `errors ${severities.error}, warnings ${severities.warning}, infos ${severities.info}`,
    ...(html === undefined ? [] : [`Report: ${html}`]),
    ...(cleaned ? cleanedLines(cleaned) : []),
  ];
}

function findingLines(finding: Finding, { paint, width }: TextOptions): string[] {
  const { check, severity, message, suggestion, samples } = finding;
  const [first, ...others] = wrapWords(`${severity} ${check}: ${message}`, width, '  ');
  const rest = samples.length - LISTED;
  return [
    '',
    paint(SEVERITY_COLORS[severity], severity) + first!.slice(severity.length),
    ...others,
    ...samples.slice(0, LISTED).map((sample) => cutLine(`    ${sampleText(sample)}`, width)),
    ...(rest > 0 ? [`    and ${formatCount(rest)} more`] : []),
    ...(suggestion === undefined ? [] : wrapWords(`  -> ${suggestion}`, width, '     ')),
  ];
}

function sampleText({ split, index, label, source, detail }: FoundSample): string {
  return `${split} ${index} "${label}"${detail === undefined ? '' : `: ${detail}`} (${source})`;
}

function cleanedLines({ out, removed, splits }: CleanResult): string[] {
  const counts = Object.entries(removed).map(([kind, count]) => `${kind} ${formatCount(count)}`);
  return [
    `${out}: ${formatSplits(splits)}`,
    counts.length === 0
      ? 'Nothing was left out.'
      : `left out: ${counts.join(', ')}; ${out}/removed.jsonl lists them`,
  ];
}
