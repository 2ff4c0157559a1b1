import { describe, expect, it } from 'vitest';
import { metricMode, metricName } from './metrics.js';

describe('the name of a metric', () => {
  it.each([
    ['val_acc', 'valAccuracy'],
    ['valAcc', 'valAccuracy'],
    ['Validation Accuracy', 'valAccuracy'],
    ['valid/loss', 'valLoss'],
    ['train_loss', 'loss'],
    ['training_accuracy', 'accuracy'],
    ['train_lr', 'learningRate'],
    ['LR', 'learningRate'],
    ['lr', 'learningRate'],
    ['grad_norm', 'gradientNorm'],
    ['test_acc5', 'testTop5Accuracy'],
    ['val_sparse_categorical_accuracy', 'valAccuracy'],
    ['top_3_accuracy', 'top3Accuracy'],
    ['f1', 'f1'],
  ])('%s is %s', (key, name) => expect(metricName(key)).toBe(name));

  it.each([
    'loss',
    'valAccuracy',
    'valTop3Accuracy',
    'valBalancedAccuracy',
    'learningRate',
    'gradientNorm',
    'skippedSteps',
    'imagesPerSecond',
    'trainSeconds',
    'evaluationSeconds',
  ])('%s, as roble writes it, stays as it is', (name) => expect(metricName(name)).toBe(name));

  it('says whether less or more is better', () => {
    expect(
      ['valLoss', 'expectedCalibrationError', 'valAccuracy', 'f1', 'learningRate'].map(metricMode),
    ).toEqual(['min', 'min', 'max', 'max', undefined]);
  });
});
