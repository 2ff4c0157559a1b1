/** The inference process. */
import { answerCalls } from '../../base/process/answer-calls.js';
import { openInference } from './inference.js';

answerCalls(openInference);
