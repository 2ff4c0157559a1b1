import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { RobleError } from '../../../base/errors.js';
import { robleVersion } from '../../../base/version.js';
import { classifyAll } from '../../classify/classify.js';
import type { ServingScope } from '../../classify/serving-scope.js';
import type { ServedModel } from '../../models/served-model.js';
import type { ModelChoice, ServedModels } from '../../models/served-models.js';
import { refuseQuery } from '../../request/checked-request.js';
import { answerProblems, type ProblemOptions } from '../../request/problem.js';
import { readBody } from '../../request/read-body.js';
import { admitRequests, stickyKeyOf } from '../prediction-routes.js';
import { checkReady } from '../state-routes.js';
import {
  checkJsonLength,
  inferAnswer,
  JSON_LENGTH_HEADER,
  readInferBody,
  wantedOutputs,
} from './infer-messages.js';
import { PREFIX } from './protocol-error.js';
import { INPUT_NAME, type ModelMetadata } from './schemas.js';
import { imagesOfTensor } from './tensors.js';

/** The extensions that are kept as their texts have them. */
const EXTENSIONS = ['binary_tensor_data', 'classification'];

interface ModelParams {
  readonly name: string;
  readonly version?: string;
}

/**
 * The Open Inference Protocol v2 under `/v2`, with extensions of Triton: what Triton, KServe and their clients speak.
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
      answerProblems(protocol, problems);
      addServerRoutes(protocol, scope);
      for (const path of ['/models/:name', '/models/:name/versions/:version'])
        addModelRoutes(protocol, scope, path);
    },
    { prefix: PREFIX },
  );
}

function addServerRoutes(protocol: FastifyInstance, scope: ServingScope): void {
  const metadata = { name: 'roble', version: robleVersion(), extensions: EXTENSIONS };
  for (const path of ['', '/']) protocol.get(path, { prefixTrailingSlash: 'slash' }, async () => metadata);
  protocol.get('/health/live', async () => ({ live: true }));
  protocol.get('/health/ready', async () => {
    for (const { current } of scope.models.managers.values()) checkReady(scope, current);
    return { live: true, ready: true };
  });
}

function addModelRoutes(protocol: FastifyInstance, scope: ServingScope, path: string): void {
  const { models } = scope;
  const modelOf = ({ params }: { params: ModelParams }) => findModel(models, params);
  protocol.get<{ Params: ModelParams }>(path, async (request) =>
    metadataOf(modelOf(request), models.find(request.params.name).loaded),
  );
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
  const { models, limits } = scope;
  const stable = findModel(models, choice);
  const jsonLength = request.headers[JSON_LENGTH_HEADER] as string | undefined;
  const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
  const { message, binary } = readInferBody(body, jsonLength, stable.bundle.input);
  checkName(message.model_name, stable);
  const wanted = wantedOutputs(message);
  const [tensor] = message.inputs;
  const imagesFor = ({ bundle }: ServedModel) =>
    imagesOfTensor(tensor!, binary, bundle.input, limits.maxBatch).map((modelPixels) => ({ modelPixels }));
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
      topK: limits.topK,
      urgency: request.urgency,
    },
  );
  const answer = inferAnswer(model, message, answers, wanted);
  if (answer.binaries.length === 0) return answer.message;
  const json = Buffer.from(JSON.stringify(answer.message));
  reply.header(JSON_LENGTH_HEADER, json.length).type('application/octet-stream');
  return Buffer.concat([json, ...answer.binaries]);
}

/** Some clients name the model in the body, too. */
function checkName(given: string | undefined, { label: { name } }: ServedModel): void {
  if (given === undefined || given === name) return;
  throw new RobleError('ROBLE_MODEL_UNKNOWN', 'The body names another model than the path.', {
    received: given,
    expected: `${name}, or no "model_name"`,
  });
}

function metadataOf({ bundle, label }: ServedModel, loaded: readonly ServedModel[]): ModelMetadata {
  const { height, width, channels } = bundle.input;
  return {
    name: label.name,
    versions: [...new Set(loaded.map((one) => one.label.version))],
    platform: 'onnx_onnxv1',
    inputs: [{ name: INPUT_NAME, datatype: 'UINT8', shape: [-1, height, width, channels] }],
    outputs: [
      { name: 'probabilities', datatype: 'FP32', shape: [-1, bundle.classes.length] },
      { name: 'label', datatype: 'BYTES', shape: [-1] },
    ],
  };
}

/** Stands for whatever is served, where versions have no names: what clients send that want no particular one. */
const ANY_VERSION = '1';

/** The version that a path names, by its own name or the digest of its bundle; undefined: the one that is served. */
function wantedVersion(models: ServedModels, { name, version }: ModelChoice): string | undefined {
  return version === ANY_VERSION && !models.find(name).hasVersions ? undefined : version;
}

/**
 * The model of a path.
 *
 * @throws {RobleError} `ROBLE_MODEL_UNKNOWN`
 */
function findModel(models: ServedModels, choice: ModelChoice): ServedModel {
  const version = wantedVersion(models, choice);
  const manager = models.find(choice.name);
  return version === undefined ? manager.current : manager.versionOf(version);
}
