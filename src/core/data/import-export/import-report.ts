import type { Context } from '../../base/context.js';
import { type ErrorCode, RobleError } from '../../base/errors.js';
import { alikeNames } from '../../base/text/names.js';
import { countOf, examples } from '../../base/text/text.js';
import { type CommonLook, commonLook, type Look } from '../../image/look.js';
import { type BadSample, countByCode, reasonOf, type SourceRemark } from '../formats/source.js';
import type { Outcome } from './convert-samples.js';

/** A sample that was left out, and why. */
export interface SkippedSample {
  readonly path: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Samples that the error of a failed import shows. */
const SHOWN_SKIPPED = 5;
/** Samples between two reports of progress. */
const PROGRESS_EVERY = 1000;

/** Collects what an import has to say: samples that were left out, what was converted, and what the sources are like. */
export class ImportReport {
  /** The classes that sources list, each once. */
  readonly classes: string[] = [];
  readonly originals = new LookSample();
  readonly #flat = new FlatPictures();
  readonly #strict: boolean;
  readonly #context: Context;
  readonly #warnings: string[] = [];
  readonly #skipped: SkippedSample[] = [];
  readonly #notices = new Map<string, number>();
  #done = 0;
  #resumed = 0;

  /** @param strict whether the first sample that cannot be used is an error */
  constructor(strict: boolean, context: Context) {
    this.#strict = strict;
    this.#context = context;
  }

  /** Takes what a reader says about its source. */
  addRemark(remark: SourceRemark): void {
    if ('warning' in remark && remark.strictError && this.#strict) throw remark.strictError;
    if ('classes' in remark) {
      const known = new Set(this.classes);
      this.classes.push(...remark.classes.filter((name) => !known.has(name)));
    } else if (!this.#warnings.includes(remark.warning)) this.#warnings.push(remark.warning);
  }

  /** Counts a sample that can be used. */
  addSample({ sample, notices, look, earlier }: Exclude<Outcome, BadSample>): void {
    if (earlier) this.#resumed += 1;
    if (look) this.originals.add(look);
    for (const notice of notices) this.#notices.set(notice, (this.#notices.get(notice) ?? 0) + 1);
    this.#flat.add(sample.pixels);
    this.#advance();
  }

  skip(path: string, error: RobleError): void {
    if (this.#strict)
      throw new RobleError(error.code, `${path}: ${error.message}`, { ...error.details, cause: error });
    this.#skipped.push({ path, code: error.code, message: reasonOf(error) });
    this.#advance();
  }

  #advance(): void {
    this.#done += 1;
    if (this.#done % PROGRESS_EVERY === 0)
      this.#context.reporter?.report({ type: 'progress', id: 'import', done: this.#done, unit: 'images' });
  }

  /** Warnings about the sources and, once the classes of the data set are known, about these and the pictures. */
  warnings(classes?: readonly string[]): string[] {
    if (!classes) return this.#warnings;
    const quoted = (names: readonly string[]) => examples(names.map((name) => JSON.stringify(name)));
    const known = new Set(classes);
    const unused = this.classes.filter((name) => !known.has(name));
    return [
      ...this.#warnings,
      ...(unused.length > 0 ? [`listed classes without a sample are left out: ${quoted(unused)}`] : []),
      ...alikeNames(classes).map(
        (names) =>
          `the classes ${quoted(names)} differ in blanks or in upper and lower case alone; give them one name if they are one`,
      ),
      ...this.#flat.warnings,
    ];
  }

  /** Reports warnings, and how many pictures each kind of conversion happened to. */
  publish(warnings: readonly string[]): void {
    for (const message of warnings) this.#warn(message);
    for (const [notice, count] of this.#notices) this.#warn(`${countOf(count, 'image')}: ${notice}`);
  }

  publishSkipped(): void {
    if (this.#skipped.length > 0) this.#warn(`${countOf(this.#skipped.length, 'sample')} could not be used.`);
  }

  #warn(message: string): void {
    this.#context.reporter?.report({ type: 'warning', message });
  }

  /**
   * The error of a failed import, with the samples that were left out, which may be the reason, and what to do next.
   *
   * @param kept the folder that holds what the same import goes on with, if there is one
   */
  explain(thrown: unknown, kept?: string): unknown {
    const error = this.#withSkipped(thrown);
    if (!(error instanceof RobleError) || kept === undefined) return error;
    return new RobleError(error.code, error.message, {
      ...error.details,
      nextSteps: [
        ...(error.details.nextSteps ?? []),
        `The same command goes on with what is decoded, which ${kept} holds; remove that folder if you do not want it.`,
      ],
      cause: error,
    });
  }

  #withSkipped(thrown: unknown): unknown {
    if (!(thrown instanceof RobleError) || thrown.kind !== 'user' || this.#skipped.length === 0)
      return thrown;
    const shown = eachReasonFirst(this.#skipped).slice(0, SHOWN_SKIPPED);
    const isCut = shown.length < this.#skipped.length;
    return new RobleError(thrown.code, thrown.message, {
      ...thrown.details,
      problems: [...(thrown.details.problems ?? []), ...shown],
      skippedByCode: countByCode(this.#skipped),
      nextSteps: [
        ...(thrown.details.nextSteps ?? []),
        `${countOf(this.#skipped.length, 'sample')} could not be used${isCut ? `; ${shown.length} of them are shown` : ''}.`,
      ],
      cause: thrown,
    });
  }

  get counts() {
    return {
      skipped: this.#skipped,
      skippedByCode: countByCode(this.#skipped),
      notices: Object.fromEntries(this.#notices),
      resumed: this.#resumed,
    };
  }
}

/** The first sample of each reason, then the others. */
function eachReasonFirst(skipped: readonly SkippedSample[]): SkippedSample[] {
  const firsts = new Map<ErrorCode, SkippedSample>();
  for (const sample of skipped) if (!firsts.has(sample.code)) firsts.set(sample.code, sample);
  const others = skipped.filter((sample) => firsts.get(sample.code) !== sample);
  return [...firsts.values(), ...others];
}

const EARLY_LOOKS = 20;
const LOOK_EVERY = 50;
const MOST_LOOKS = 100;

/** What some of the encoded pictures look like before they are converted: the first ones, and then every fiftieth. */
class LookSample {
  readonly #looks: Look[] = [];
  #seen = 0;

  /** Whether to look at the next picture; asked once for each, in their order. */
  isNextWanted(): boolean {
    const number = this.#seen++;
    return number < EARLY_LOOKS || (number % LOOK_EVERY === 0 && number < MOST_LOOKS * LOOK_EVERY);
  }

  add(look: Look): void {
    this.#looks.push(look);
  }

  get common(): CommonLook | undefined {
    return commonLook(this.#looks);
  }
}

/** Values that differ by less are one shade to an eye. */
const FLAT = 8;

/** Finds out whether all pictures of a data set are of one shade, as numbers of another scale make them. */
class FlatPictures {
  #least = 255;
  #most = 0;

  add(pixels: Uint8Array): void {
    if (this.#most - this.#least >= FLAT) return;
    for (const value of pixels) {
      if (value < this.#least) this.#least = value;
      if (value > this.#most) this.#most = value;
    }
  }

  /** A warning if a model could see nothing in any picture. */
  get warnings(): string[] {
    if (this.#most - this.#least >= FLAT) return [];
    return [
      `all values of all pictures are from ${this.#least} to ${this.#most} of 255, so that a model sees next to nothing; bring pictures of the scale 0..1, or of fewer bits than they are stored in, to the full range before, all by the same factor`,
    ];
  }
}
