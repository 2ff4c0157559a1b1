import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { RobleError } from '../../../base/errors.js';
import { robleVersion } from '../../../base/version.js';
import { classifyAll } from '../../classify/classify.js';
import type { ServingScope } from '../../classify/serving-scope.js';
import type { ServedModel } from '../../models/served-model.js';
import type { ModelChoice, ServedModels } from '../../models/served-models.js';
import { answerProblems, type ProblemOptions } from '../../request/problem.js';
import { readBody } from '../../request/read-body.js';
import { admitRequests, PREDICTION_HEADERS, stickyKeyOf } from '../prediction-routes.js';
import { addRoute, BYTES, json, type Route } from '../route.js';
import { checkReady } from '../state-routes.js';
import {
  checkJsonLength,
  inferAnswer,
  JSON_LENGTH_HEADER,
  readInferBody,
  wantedOutputs,
} from './infer-messages.js';
import { PREFIX } from './protocol-error.js';
import {
  INPUT_NAME,
  type InferAnswer,
  inferAnswerSchema,
  inferRequestSchema,
  type ModelMetadata,
  modelMetadataSchema,
  modelReadySchema,
  protocolErrorSchema,
  protocolLiveSchema,
  protocolReadySchema,
  serverMetadataSchema,
} from './schemas.js';
import { imagesOfTensor } from './tensors.js';

/** The extensions that are kept as their texts have them. */
const EXTENSIONS = ['binary_tensor_data', 'classification'];

interface ModelParams {
  readonly name: string;
  readonly version?: string;
}

const protocol = {
  method: 'GET',
  group: 'Open Inference Protocol v2',
  access: 'predict',
  errors: [],
  error: json(protocolErrorSchema),
} as const;

const SERVER_METADATA = {
  ...protocol,
  path: PREFIX,
  summary: 'The name and version of the server, and its extensions.',
  answer: json(serverMetadataSchema),
} satisfies Route;

const SERVER_LIVE = {
  ...protocol,
  path: `${PREFIX}/health/live`,
  summary: 'Answers while the process lives.',
  access: 'probes',
  answer: json(protocolLiveSchema),
} satisfies Route;

const SERVER_READY = {
  ...protocol,
  path: `${PREFIX}/health/ready`,
  summary: 'Whether the server would answer.',
  access: 'probes',
  answer: json(protocolReadySchema),
  errors: [503],
} satisfies Route;

/** The routes of a model, at a path with or without a version. */
function modelRoutes(path: string, params: Readonly<Record<string, string>>) {
  const ofModel = { ...protocol, params };
  return {
    metadata: {
      ...ofModel,
      path,
      summary: 'The inputs and outputs of the model.',
      answer: json(modelMetadataSchema),
      errors: [404],
    },
    ready: {
      ...ofModel,
      path: `${path}/ready`,
      summary: 'Whether the model would answer.',
      answer: json(modelReadySchema),
      errors: [404, 503],
    },
    infer: {
      ...ofModel,
      method: 'POST',
      path: `${path}/infer`,
      summary:
        'Classifies the images of a tensor, which are what the model sees: no conversion. Bytes are a BinaryInferRequest with its tensor behind it, or, where the header is 0, one picture.',
      isPrediction: true,
      headers: {
        ...PREDICTION_HEADERS,
        [JSON_LENGTH_HEADER]: {
          description: 'Bytes of JSON before the bytes of the tensor.',
          schema: { type: 'integer', minimum: 0 },
        },
      },
      body: { ...json(inferRequestSchema), 'application/octet-stream': BYTES },
      answer: { ...json(inferAnswerSchema), 'application/octet-stream': BYTES },
      errors: [404, 413, 415, 502, 503, 504],
    },
  } as const satisfies Record<string, Route>;
}

const name = 'Name of the model.';
const MODEL_ROUTES = [
  modelRoutes(`${PREFIX}/models/{name}`, { name }),
  modelRoutes(`${PREFIX}/models/{name}/versions/{version}`, {
    name,
    version:
      'Name of the version, or digest of its bundle; 1 where versions have no names: the one that is served.',
  }),
];

export const INFERENCE_PROTOCOL_ROUTES: readonly Route[] = [
  SERVER_METADATA,
  { ...SERVER_METADATA, path: `${PREFIX}/` },
  SERVER_LIVE,
  SERVER_READY,
  ...MODEL_ROUTES.flatMap((routes) => Object.values(routes)),
];

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
      for (const routes of MODEL_ROUTES) addModelRoutes(protocol, scope, routes);
    },
    { prefix: PREFIX },
  );
}

function addServerRoutes(protocol: FastifyInstance, scope: ServingScope): void {
  const metadata = { name: 'roble', version: robleVersion(), extensions: EXTENSIONS };
  for (const path of [PREFIX, `${PREFIX}/`])
    addRoute(protocol, { ...SERVER_METADATA, path }, { handler: async () => metadata });
  addRoute(protocol, SERVER_LIVE, { handler: async () => ({ live: true }) as const });
  addRoute(protocol, SERVER_READY, {
    handler: async () => {
      for (const { current } of scope.models.managers.values()) checkReady(scope, current);
      return { live: true, ready: true } as const;
    },
  });
}

function addModelRoutes(
  protocol: FastifyInstance,
  scope: ServingScope,
  routes: (typeof MODEL_ROUTES)[number],
): void {
  const { models } = scope;
  addRoute(protocol, routes.metadata, {
    handler: async ({ params }) => {
      const choice = params as ModelParams;
      return metadataOf(findModel(models, choice), models.find(choice.name).loaded);
    },
  });
  addRoute(protocol, routes.ready, {
    handler: async ({ params }) => {
      const model = findModel(models, params as ModelParams);
      checkReady(scope, model);
      return { name: model.label.name, ready: true } as const;
    },
  });
  /** Refuses what is wrong with the head of a request before its body comes. */
  const checkHead: onRequestHookHandler = ({ params, headers }, _, done) => {
    findModel(models, params as ModelParams);
    checkJsonLength(headers);
    done();
  };
  addRoute(protocol, routes.infer, {
    onRequest: [admitRequests(scope), checkHead],
    handler: async (request, reply) => infer(scope, request.params as ModelParams, request, reply),
  });
}

async function infer(
  scope: ServingScope,
  choice: ModelChoice,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<InferAnswer | Buffer> {
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
      model: {
        name: choice.name,
        version: wantedVersion(models, choice),
        stickyKey: stickyKeyOf(request),
      },
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

/** Where versions have no names, this one stands for the model that is served: clients send it that want no particular one. */
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
