/** Words of metric names that other programs write shorter. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  acc: ['accuracy'],
  acc1: ['accuracy'],
  acc5: ['top5', 'accuracy'],
  lr: ['learning', 'rate'],
  grad: ['gradient'],
  valid: ['val'],
  validation: ['val'],
};

/** The words with which Keras says of what kind the labels are; the accuracy is the same. */
const KERAS_ACCURACY = /^(val)?(sparseCategorical|categorical|binary)Accuracy$/i;

/** The words of metrics that lose the prefix `train`, unlike `trainSeconds`, which is no metric of the training data. */
const MEASURED = /^(loss|accuracy|error|precision|recall|f1|auc|rate)$/;

/**
 * The name of roble for a key of any style: `val_acc`, `Validation Accuracy` and `val/acc` are `valAccuracy`,
 * `train_loss` is `loss`, `lr` is `learningRate`. Unknown words are kept.
 */
export function metricName(key: string): string {
  const words = wordsOf(key);
  const measured = words[0] === 'train' && words.slice(1).some((word) => MEASURED.test(word));
  const [first = '', ...rest] = measured ? words.slice(1) : words;
  const name = first + rest.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  return name.replace(KERAS_ACCURACY, (_, val: string | undefined) => (val ? 'valAccuracy' : 'accuracy'));
}

function wordsOf(key: string): string[] {
  return key
    .replace(/(\p{Ll}|\d)(?=\p{Lu})/gu, '$1 ')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
    .flatMap((word) => (Object.hasOwn(WORDS, word) ? WORDS[word]! : [word]))
    .map((word, i) => (i === 0 && word === 'training' ? 'train' : word));
}

/** Whether smaller or larger values of a metric are better; undefined for what is no quality, such as a rate. */
export function metricMode(name: string): 'min' | 'max' | undefined {
  if (/(loss|error|perplexity|entropy)$/i.test(name)) return 'min';
  return isShare(name) ? 'max' : undefined;
}

/** Whether a metric is a share of 1. */
export function isShare(name: string): boolean {
  return /(accuracy|precision|recall|f1|auc)$/i.test(name);
}
