import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { RobleError } from '../../errors.js';
import { robleVersion } from '../../version.js';
import { admitRequests } from '../admit-requests.js';
import { readBody } from '../body/read-body.js';
import { classifyAll } from '../classify.js';
import type { ServedModel } from '../models/served-model.js';
import type { ModelChoice } from '../models/served-models.js';
import type { ProblemDetails } from '../problem.js';
import { stickyKeyOf } from '../read-images.js';
import { checkReady } from '../ready.js';
import { refuseQuery } from '../refuse-query.js';
import { answerProblems, type ProblemOptions } from '../send-problem.js';
import type { ServingScope } from '../serving-scope.js';
import { findModel, wantedVersion } from './find-model.js';
import { INPUT_NAME, imagesOfTensor } from './image-tensor.js';
import { inferAnswer, wantedOutputs } from './infer-answer.js';
import { checkJsonLength, JSON_LENGTH_HEADER, readInferBody } from './infer-body.js';
import type { InputTensor, ModelMetadata } from './schemas.js';

interface ModelParams {
  readonly name: string;
  readonly version?: string;
}

/**
 * The Open Inference Protocol v2 under `/v2`, with the binary extension for tensors: what Triton and KServe speak.
 * Requests go the same way as those of `/predict`; only the forms of messages and errors are the protocol's.
 */
export async function addInferenceProtocol(
  app: FastifyInstance,
  scope: ServingScope,
  problems: ProblemOptions,
): Promise<void> {
  await app.register(
    async (protocol) => {
      // Clients send JSON, with or without bytes behind it, under several content types, and under none.
      protocol.removeAllContentTypeParsers();
      protocol.addContentTypeParser('*', readBody);
      answerProblems(protocol, { ...problems, toBody: protocolError });
      addServerRoutes(protocol, scope);
      for (const path of ['/models/:name', '/models/:name/versions/:version'])
        addModelRoutes(protocol, scope, path);
    },
    { prefix: '/v2' },
  );
}

function addServerRoutes(protocol: FastifyInstance, scope: ServingScope): void {
  const metadata = { name: 'roble', version: robleVersion(), extensions: ['binary_tensor_data'] };
  protocol.get('', async () => metadata);
  protocol.get('/health/live', async () => ({ live: true }));
  protocol.get('/health/ready', async () => {
    for (const { current } of scope.models.managers.values()) checkReady(scope, current);
    return { ready: true };
  });
}

function addModelRoutes(protocol: FastifyInstance, scope: ServingScope, path: string): void {
  const { models } = scope;
  const modelOf = ({ params }: { params: ModelParams }) => findModel(models, params);
  protocol.get<{ Params: ModelParams }>(path, async (request) => metadataOf(modelOf(request)));
  protocol.get<{ Params: ModelParams }>(`${path}/ready`, async (request) => {
    const model = modelOf(request);
    checkReady(scope, model);
    return { name: model.label.name, ready: true };
  });
  /** What is wrong with the head of a request is told before its body comes. */
  const checkHead: onRequestHookHandler = ({ params, headers }, _, done) => {
    findModel(models, params as ModelParams);
    checkJsonLength(headers);
    done();
  };
  const onRequest = [refuseQuery, admitRequests(scope), checkHead];
  protocol.post<{ Params: ModelParams }>(`${path}/infer`, { onRequest }, async (request, reply) =>
    infer(scope, request.params, request, reply),
  );
}

async function infer(
  scope: ServingScope,
  choice: ModelChoice,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { models, options } = scope;
  const stable = findModel(models, choice);
  const jsonLength = request.headers[JSON_LENGTH_HEADER] as string | undefined;
  const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
  const { message, binaryOf } = readInferBody(body, jsonLength);
  const wanted = wantedOutputs(message);
  const tensor = onlyInput(message.inputs);
  const imagesFor = ({ bundle }: ServedModel) =>
    imagesOfTensor(tensor, binaryOf(tensor), bundle.input, options.maxBatch).map((modelPixels) => ({
      modelPixels,
    }));
  const images = imagesFor(stable);
  const { model, answers } = await classifyAll(
    scope,
    images.length,
    // A canary may take pictures of another size.
    (taken) => (taken === stable ? images : imagesFor(taken)),
    {
      requestId: request.id,
      record: request.record,
      model: { name: choice.name, version: wantedVersion(models, choice), stickyKey: stickyKeyOf(request) },
      topK: options.topK,
      urgency: request.urgency,
    },
  );
  const answer = inferAnswer(model, message, answers, wanted);
  if (answer.binaries.length === 0) return answer.message;
  const json = Buffer.from(JSON.stringify(answer.message));
  reply.header(JSON_LENGTH_HEADER, json.length).type('application/octet-stream');
  return Buffer.concat([json, ...answer.binaries]);
}

function onlyInput(inputs: readonly InputTensor[]): InputTensor {
  const [tensor] = inputs;
  if (inputs.length === 1 && tensor!.name === INPUT_NAME) return tensor!;
  throw new RobleError('ROBLE_REQUEST_INVALID', 'The inputs are not those of the model.', {
    received: inputs.map(({ name }) => name).join(', ') || 'none',
    expected: `one input "${INPUT_NAME}"`,
  });
}

function metadataOf({ bundle, label }: ServedModel): ModelMetadata {
  const { height, width, channels } = bundle.input;
  return {
    name: label.name,
    versions: [label.version],
    platform: 'roble_onnx',
    inputs: [{ name: INPUT_NAME, datatype: 'UINT8', shape: [-1, height, width, channels] }],
    outputs: [
      { name: 'probabilities', datatype: 'FP32', shape: [-1, bundle.classes.length] },
      { name: 'label', datatype: 'BYTES', shape: [-1] },
    ],
  };
}

/** The form of an error in this protocol, in one sentence for people and one code for programs. */
function protocolError({ detail, received, expected, code }: ProblemDetails): object {
  const facts = [
    received === undefined ? [] : `received ${received}`,
    expected === undefined ? [] : `expected ${expected}`,
  ].flat();
  return { error: facts.length > 0 ? `${detail} (${facts.join('; ')})` : detail, code };
}
