import { join } from 'node:path';
import { checked } from '../../base/schema/checked.js';
import { RobleError } from '../../base/errors.js';
import { absentAsUndefined } from '../../base/storage/exists.js';
import { readPlainText } from '../../base/storage/read-file.js';
import { evaluationSchema } from './evaluation-schema.js';
import { parseHistoryJson } from './parse-json.js';
import { type EvaluationReport, RUN_FILES } from './record.js';

/**
 * The results by class of a run folder; undefined without such a file, and with one that is damaged.
 *
 * @param warn hears what is wrong with a damaged one: the curves can be analysed all the same
 */
export async function loadEvaluation(
  folder: string,
  warn: (message: string) => void,
): Promise<EvaluationReport | undefined> {
  const file = join(folder, RUN_FILES.evaluation);
  const text = await readPlainText(file).catch(absentAsUndefined);
  if (text === undefined) return undefined;
  try {
    return checked(
      evaluationSchema,
      parseHistoryJson(text, file),
      'ROBLE_HISTORY_INVALID',
      `${file} is damaged.`,
    );
  } catch (error) {
    const { message, details } = RobleError.from(error);
    const problems = (details.problems ?? [])
      .slice(0, 3)
      .map((problem) => `${problem.path} ${problem.message}`);
    warn(`${[message, ...problems].join(' ')} The results by class are left out.`);
    return undefined;
  }
}
