import { bySeverity } from '../../../base/findings.js';
import { calibration } from './calibration.js';
import { classImbalance, confusedPairs, deadClasses } from './classes.js';
import { type Detector, type Finding, SEVERITIES, type StudiedRun } from './finding.js';
import { generalisationGap, notLearning, overFitting, underFitting } from './fit.js';
import { noisyValidation, notFinite, skippedSteps, spikes } from './instability.js';
import { checkpointTrouble, processEnds, unfinished } from './outcome.js';
import { plateau, stillImproving } from './progress.js';
import { memoryShortage, slowDown, slowEvaluation } from './resources.js';

const DETECTORS: readonly Detector[] = [
  unfinished,
  notFinite,
  notLearning,
  spikes,
  skippedSteps,
  overFitting,
  generalisationGap,
  underFitting,
  plateau,
  stillImproving,
  noisyValidation,
  deadClasses,
  classImbalance,
  calibration,
  confusedPairs,
  memoryShortage,
  processEnds,
  checkpointTrouble,
  slowEvaluation,
  slowDown,
];

/** Everything that a run shows, problems first. */
export function findAll(study: StudiedRun): Finding[] {
  return bySeverity(
    DETECTORS.flatMap((detector) => detector(study)),
    SEVERITIES,
  );
}
