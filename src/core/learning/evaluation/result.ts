import type { ErrorCode } from '../../base/errors.js';
import type { BoundResult } from '../analysis/bounds.js';
import type { PairedComparison } from './compare.js';
import type { Evaluation } from './evaluation.js';
import type { EvaluationPictures } from './judge-subject.js';
import type { LeftOutSample } from './left-out.js';
import type { JudgedSplit } from './subject.js';

/** Files that are written. */
export interface EvaluationFiles {
  /** One page with everything, which needs no other file. */
  readonly html?: string;
  /** The pictures of the most certain mistakes, of one model on one source, as a PNG. */
  readonly sheet?: string;
}

/** What models know of one source. */
export interface DataEvaluation {
  readonly path: string;
  readonly split: JudgedSplit;
  /** Of a data set. */
  readonly fingerprint?: string;
  /** Samples that were judged, the same for each model. */
  readonly count: number;
  /** Samples that could not be judged. They are in no metric. */
  readonly leftOut: readonly LeftOutSample[];
  readonly leftOutByCode: Partial<Record<ErrorCode, number>>;
  /** What one should know when reading the numbers. */
  readonly remarks: readonly string[];
  /** Of each model, in their order. */
  readonly evaluations: readonly Evaluation[];
  /** Of each further model with the first. */
  readonly comparisons: readonly PairedComparison[];
  readonly seconds: number;
}

/** Plain data. */
export interface EvaluationResult {
  readonly models: readonly {
    readonly model: string;
    readonly name: string;
    readonly digest: string;
    readonly classes: number;
  }[];
  readonly data: readonly DataEvaluation[];
  /** Each bound for each model on each source; not to be met is no error. */
  readonly bounds: readonly BoundResult[];
  /** The files that were written. */
  readonly files: EvaluationFiles;
}

/** A result with what is needed to draw it. */
export interface DrawnEvaluation extends DataEvaluation {
  /** Of each model. */
  readonly pictures: readonly EvaluationPictures[];
}
