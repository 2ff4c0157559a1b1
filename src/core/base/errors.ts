import { saysOutOfMemory } from './out-of-memory.js';

/** Who has to act on an error: the user, the world outside (disk, network, programs), or us. */
export type ErrorKind = 'user' | 'external' | 'bug';

/** The exit codes of the command line. 130 and 143 mean: interrupted by SIGINT, by SIGTERM. */
export const EXIT = {
  ok: 0,
  bug: 1,
  usage: 2,
  environment: 3,
  data: 4,
  plugin: 5,
  interrupted: 130,
  terminated: 143,
} as const;

interface ErrorDefinition {
  readonly kind: ErrorKind;
  readonly exitCode: number;
  /** One line for the reference page. */
  readonly meaning: string;
}

const user = (exitCode: number, meaning: string): ErrorDefinition => ({ kind: 'user', exitCode, meaning });
const external = (exitCode: number, meaning: string): ErrorDefinition => ({
  kind: 'external',
  exitCode,
  meaning,
});
const bug = (meaning: string): ErrorDefinition => ({ kind: 'bug', exitCode: EXIT.bug, meaning });

/** Every coded error, in one table; `docs/errors.md` is generated from it. */
export const ERRORS = {
  ROBLE_INTERNAL: bug('Something that should be impossible happened; please report it.'),
  ROBLE_USAGE: user(EXIT.usage, 'A flag or an argument is wrong or missing.'),
  ROBLE_INTERRUPTED: external(EXIT.interrupted, 'The work was interrupted by a signal.'),

  ROBLE_CONFIG_INVALID: user(
    EXIT.usage,
    'The configuration has unknown keys or values of a wrong type; all are listed.',
  ),
  ROBLE_CONFIG_SYNTAX: user(EXIT.usage, 'A configuration file is not valid YAML or JSON.'),
  ROBLE_CONFIG_EXISTS: user(EXIT.usage, 'A configuration file exists already and would be overwritten.'),

  ROBLE_FILE_NOT_FOUND: user(EXIT.data, 'A file or folder that was named does not exist.'),
  ROBLE_FILE_UNREADABLE: user(
    EXIT.data,
    'A file or folder cannot be read: no rights to it, a link that leads nowhere or in a circle, no plain file, or a fault of the disk.',
  ),
  ROBLE_OUTPUT_EXISTS: user(EXIT.usage, 'The output exists already; roble never overwrites data.'),
  ROBLE_DISK_FULL: external(
    EXIT.environment,
    'The disk, or what output was sent to, is full; no half-written file was left.',
  ),
  ROBLE_WRITE_FAILED: external(EXIT.environment, 'A file, or standard output, could not be written.'),
  ROBLE_TOO_MANY_FILES: external(EXIT.environment, 'This process, or the machine, has too many files open.'),

  ROBLE_SOURCE_UNKNOWN: user(EXIT.data, 'The format of an import source could not be recognised.'),
  ROBLE_SOURCE_EMPTY: user(EXIT.data, 'An import source holds no usable sample.'),
  ROBLE_IDX_MAGIC: user(EXIT.data, 'An IDX file starts with a wrong magic number.'),
  ROBLE_IDX_COUNT: user(
    EXIT.data,
    'An IDX file holds fewer values than its header says, or images and labels differ in number.',
  ),
  ROBLE_IDX_TRAILING: user(EXIT.data, 'An IDX file has bytes after its last value.'),
  ROBLE_LABEL_MISSING: user(EXIT.data, 'A picture has no label: it lies in no folder of a class.'),
  ROBLE_LABEL_RANGE: user(EXIT.data, 'A label is outside the list of classes.'),
  ROBLE_TEXT_INVALID: user(
    EXIT.data,
    'A text file holds bytes that are no text in its encoding, UTF-8 unless something else was said.',
  ),
  ROBLE_CSV_INVALID: user(EXIT.data, 'A CSV file lacks a column or has a malformed row.'),
  ROBLE_PARQUET_INVALID: user(
    EXIT.data,
    'A Parquet file is damaged, has no columns of images and labels, or a row of it has no picture.',
  ),
  ROBLE_STROKES_INVALID: user(EXIT.data, 'A line of a stroke file is not of the expected form.'),

  ROBLE_IMAGE_EMPTY: user(EXIT.data, 'An image file has no bytes.'),
  ROBLE_IMAGE_TRUNCATED: user(EXIT.data, 'An image file ends before its picture does.'),
  ROBLE_IMAGE_UNREADABLE: user(EXIT.data, 'An image file is of no known format or is damaged.'),
  ROBLE_IMAGE_UNSUPPORTED: user(EXIT.data, 'A file is of a format that is known, and that is not read.'),
  ROBLE_IMAGE_TOO_SMALL: user(EXIT.data, 'An image has too few pixels to show anything.'),
  ROBLE_IMAGE_TOO_LARGE: user(EXIT.data, 'An image has more pixels than the limit.'),
  ROBLE_IMAGE_ANIMATED: user(EXIT.data, 'An image has several frames.'),
  ROBLE_IMAGE_VALUES: user(
    EXIT.data,
    'The values of an image are of a type or a range that does not say what is black and what is white.',
  ),
  ROBLE_IMAGE_SHAPE: user(EXIT.data, 'Raw pixels do not have the shape that the model expects.'),

  ROBLE_DATASET_INVALID: user(EXIT.data, 'A data set folder is damaged or was changed after it was written.'),
  ROBLE_DATASET_SPLIT: user(
    EXIT.data,
    'A split that was asked for is missing, or would leave it or a class of it empty.',
  ),
  ROBLE_DATASET_LEAK: user(
    EXIT.data,
    'A model would be tested on samples that it was trained on, or on augmented copies.',
  ),
  ROBLE_BALANCE_IMPOSSIBLE: user(
    EXIT.data,
    'A class cannot reach its target with the copies that are allowed of each original.',
  ),
  ROBLE_REPLAY_DIFFERS: user(EXIT.data, 'A copy that was made again is not the one in the data set.'),
  ROBLE_SHARDS_INCOMPLETE: user(
    EXIT.data,
    'The shards of a data set are not all there, or are not of one set.',
  ),
  ROBLE_DATASETS_DIFFER: user(
    EXIT.data,
    'Data sets that are used together differ in their classes or in how their pictures were made.',
  ),
  ROBLE_CLASS_TOO_SMALL: user(EXIT.data, 'A class has too few samples to be split.'),

  ROBLE_MODEL_INVALID: user(
    EXIT.usage,
    'The architecture is not valid: a layer has no output, or the shapes do not fit.',
  ),
  ROBLE_ONNX_INVALID: user(
    EXIT.data,
    'A file is no ONNX model, is damaged, or keeps its weights in another file.',
  ),
  ROBLE_BACKBONE_INVALID: user(
    EXIT.usage,
    'An ONNX model cannot be used as a backbone: pictures in and features out were not found, or something has to be said.',
  ),
  ROBLE_BUNDLE_INVALID: user(
    EXIT.data,
    'A model bundle is damaged, was changed, or does not reproduce its golden outputs.',
  ),

  ROBLE_QUANTIZATION_REFUSED: user(
    EXIT.data,
    'A model cannot be quantized, or would lose more accuracy than it may; nothing was written.',
  ),

  ROBLE_RUN_EXISTS: user(EXIT.usage, 'The run folder holds a run already.'),
  ROBLE_FOLDER_LOCKED: user(EXIT.usage, 'Another process is at work in this folder.'),
  ROBLE_HISTORY_INVALID: user(EXIT.data, 'The history of a run is damaged, or of no form that can be read.'),
  ROBLE_CHECKPOINT_INVALID: user(EXIT.data, 'A checkpoint is damaged, or does not fit the model.'),
  ROBLE_RUN_INVALID: user(EXIT.data, 'A folder holds no training run, or its description is damaged.'),
  ROBLE_RESUME_REFUSED: user(
    EXIT.usage,
    'A run cannot go on with other data, or with settings that would make it another run.',
  ),
  ROBLE_TRAIN_DIVERGED: user(
    EXIT.data,
    'The numbers of the training stayed impossible after skipped steps, roll-backs and cuts of the learning rate.',
  ),
  ROBLE_WORKER_DIED: external(EXIT.environment, 'A worker process ended before its work was done.'),
  ROBLE_OUT_OF_MEMORY: external(EXIT.environment, 'There was not enough memory.'),
  ROBLE_DEVICE_UNAVAILABLE: external(EXIT.environment, 'The device that was asked for cannot be used here.'),

  ROBLE_ENGINE_MISSING: user(EXIT.environment, 'A training engine needs a package that is not installed.'),

  ROBLE_PACKAGE_MISSING: user(
    EXIT.environment,
    'The configuration asks for something that needs a package that is not installed.',
  ),

  ROBLE_PLUGIN_UNKNOWN: user(EXIT.plugin, 'No plugin of that name is registered.'),
  ROBLE_PLUGIN_INVALID: user(EXIT.plugin, 'A plugin could not be loaded, or is not what it says it is.'),

  ROBLE_REQUEST_INVALID: user(EXIT.usage, 'A request to the server is malformed.'),
  ROBLE_REQUEST_TOO_LARGE: user(EXIT.usage, 'A request to the server is larger than the limit.'),
  ROBLE_REQUEST_UNSUPPORTED: user(
    EXIT.usage,
    'A request to the server has a content type that it cannot read.',
  ),
  ROBLE_CODING_UNSUPPORTED: user(
    EXIT.usage,
    'The body of a request is encoded (Content-Encoding) in a way that the server cannot decode.',
  ),
  ROBLE_ROUTE_UNKNOWN: user(EXIT.usage, 'The server has nothing at that path, or not with that method.'),
  ROBLE_METHOD_UNKNOWN: user(EXIT.usage, 'A request has a method that the server does not know.'),
  ROBLE_MODEL_UNKNOWN: user(EXIT.usage, 'The server has no model of that name or version.'),
  ROBLE_SERVER_UNREACHABLE: external(
    EXIT.environment,
    'A server that was asked could not be reached, or gave no answer that can be used.',
  ),
  ROBLE_REQUEST_SLOW: external(EXIT.environment, 'A client took too long to send its request.'),
  ROBLE_KEY_REFUSED: user(
    EXIT.usage,
    'A request has no API key, or one that is unknown, revoked or expired.',
  ),
  ROBLE_SCOPE_MISSING: user(EXIT.usage, 'The API key of a request is good for other things than this.'),
  ROBLE_ORIGIN_REFUSED: user(EXIT.usage, 'A script of a web page asked what is not for pages.'),
  ROBLE_RATE_LIMITED: user(EXIT.usage, 'A client sent more requests than its limit allows.'),
  ROBLE_STACK_INVALID: user(EXIT.usage, 'A folder of a production stack is damaged, or is none.'),
  ROBLE_KEYS_INVALID: user(EXIT.usage, 'A file of API keys is damaged, or is none.'),
  ROBLE_KEY_EXISTS: user(EXIT.usage, 'There is an API key of that name already.'),
  ROBLE_KEY_UNKNOWN: user(EXIT.usage, 'There is no API key of that name or id.'),
  ROBLE_TLS_INVALID: user(EXIT.usage, 'A certificate or its private key cannot be used.'),
  ROBLE_SERVER_BUSY: external(
    EXIT.environment,
    'The server has more images waiting than it can answer in time.',
  ),
  ROBLE_SERVER_NOT_READY: external(
    EXIT.environment,
    'The server is starting, stopping, or without a working predictor.',
  ),
  ROBLE_DEADLINE_EXCEEDED: external(
    EXIT.environment,
    'The answer was not ready within the time that the request allows.',
  ),
  ROBLE_REQUEST_ABANDONED: user(EXIT.usage, 'The client closed the connection before it had the answer.'),
  ROBLE_EXPLAIN_OFF: user(EXIT.usage, 'The server does not explain its answers.'),
  ROBLE_PREDICTIONS_OFF: user(
    EXIT.usage,
    'The server keeps no predictions, so that there is nothing to give feedback on.',
  ),
  ROBLE_PREDICTIONS_UNAVAILABLE: external(
    EXIT.environment,
    'The database of the predictions cannot be reached, or does not answer.',
  ),
  ROBLE_PREDICTIONS_INVALID: user(EXIT.data, 'A database holds no predictions of a server.'),
  ROBLE_PREDICTION_UNKNOWN: user(EXIT.data, 'The log has no prediction of that request and place.'),
  ROBLE_KPIS_MISSING: user(EXIT.usage, 'The configuration has no targets that could be compared.'),
  ROBLE_LOAD_INVALID: user(EXIT.data, 'A file holds no result of a load test.'),
  ROBLE_INSTALL_FAILED: external(EXIT.environment, 'A package that was to be installed could not be.'),
  ROBLE_PORT_IN_USE: external(EXIT.environment, 'The address that the server should listen on is taken.'),
  ROBLE_LISTEN_REFUSED: external(
    EXIT.environment,
    'The server may not listen on a port, or the machine does not have the address.',
  ),
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorDetails {
  /** What was found, as a value that can be shown. */
  readonly received?: unknown;
  /** What would have been right. */
  readonly expected?: string;
  /** What to do next, as sentences. */
  readonly nextSteps?: readonly string[];
  /** Several problems that are reported at once. */
  readonly problems?: readonly Problem[];
  /** How many samples had been left out by then, by the codes that say why. */
  readonly skippedByCode?: Partial<Record<ErrorCode, number>>;
  readonly cause?: unknown;
}

/** Faults of rights, of a disk, of a network drive, or of a path, which are nobody's bug. */
const FILE_FAULTS = [
  ...['EACCES', 'EPERM', 'EROFS', 'EIO', 'EFBIG', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'EXDEV'],
  ...['ESTALE', 'ETIMEDOUT', 'EBUSY', 'ETXTBSY', 'ENXIO', 'ENODEV', 'EOVERFLOW', 'ENOTEMPTY', 'EEXIST'],
];
/** Calls that find a file by its path. One that is opened may be read or written: `openPlainFile` knows that it reads. */
const LOOKING_CALLS = ['open', 'stat', 'lstat', 'statfs', 'access', 'readlink', 'realpath'];
/** Calls that only look. */
const READING_CALLS = ['read', 'scandir', 'opendir', 'fstat', ...LOOKING_CALLS.slice(1)];

/** One of several findings: where it is, what is wrong, and how to mend it. */
export interface Problem {
  readonly path: string;
  readonly message: string;
  readonly suggestion?: string;
  readonly code?: ErrorCode;
}

/**
 * An error of the table {@link ERRORS}.
 *
 * @example
 * throw new RobleError('ROBLE_IDX_MAGIC', `${file} is not an IDX file`, {
 *   received: '0x1f8b', expected: '0x00000803', nextSteps: ['Check that the file is not compressed twice.'],
 * });
 */
export class RobleError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'RobleError';
    this.code = code;
    this.details = details;
  }

  get kind(): ErrorKind {
    return ERRORS[this.code].kind;
  }

  get exitCode(): number {
    return ERRORS[this.code].exitCode;
  }

  /** A form that survives JSON and process boundaries; see {@link RobleError.fromJSON}. */
  toJSON(): SerializedError {
    const { received, expected, nextSteps, problems, skippedByCode } = this.details;
    return {
      code: this.code,
      message: this.message,
      ...(received !== undefined && { received }),
      ...(expected !== undefined && { expected }),
      ...(nextSteps !== undefined && { nextSteps }),
      ...(problems !== undefined && { problems }),
      ...(skippedByCode !== undefined && { skippedByCode }),
    };
  }

  static fromJSON(value: SerializedError): RobleError {
    const { code, message, ...details } = value;
    return new RobleError(code, message, details);
  }

  /** Any thrown value as a RobleError: coded errors as they are, the file system's by their code, the rest as bugs. */
  static from(error: unknown): RobleError {
    if (error instanceof RobleError) return error;
    const { code, path, syscall, message } = (error ?? {}) as NodeJS.ErrnoException;
    const where = path ? ` (${path})` : '';
    if (code === 'ENOSPC' || code === 'EDQUOT')
      return new RobleError('ROBLE_DISK_FULL', `There is no space left on the disk${where}.`, {
        nextSteps: ['Free some space, or choose an output folder on another disk.'],
        cause: error,
      });
    // So says Node where a folder and those above it cannot be made on a read-only file system.
    if (code === 'ENOENT' && syscall === 'mkdir')
      return new RobleError('ROBLE_WRITE_FAILED', `The folder cannot be made${where}.`, {
        expected: 'a file system that can be written, and no link that leads nowhere',
        cause: error,
      });
    if (code === 'ENOENT' || (code === 'ENOTDIR' && LOOKING_CALLS.includes(syscall ?? '')))
      return new RobleError('ROBLE_FILE_NOT_FOUND', `There is no such file or folder${where}.`, {
        cause: error,
      });
    if (code === 'EMFILE' || code === 'ENFILE')
      return new RobleError('ROBLE_TOO_MANY_FILES', `Too many files are open${where}.`, {
        received: code,
        nextSteps: ['Raise the limit of open files: "ulimit -n 65536".'],
        cause: error,
      });
    if (error instanceof RangeError && saysOutOfMemory(message ?? ''))
      return new RobleError('ROBLE_OUT_OF_MEMORY', `There is no memory left: ${message}.`, { cause: error });
    if (code === 'ERR_WORKER_OUT_OF_MEMORY')
      return new RobleError('ROBLE_OUT_OF_MEMORY', `A thread ran out of memory: ${message}.`, {
        cause: error,
      });
    if (code !== undefined && FILE_FAULTS.includes(code))
      return READING_CALLS.includes(syscall ?? '')
        ? unreadableFile(error as NodeJS.ErrnoException)
        : new RobleError('ROBLE_WRITE_FAILED', `The file system refused${where}: ${message}.`, {
            cause: error,
          });
    return new RobleError('ROBLE_INTERNAL', message ?? String(error), { cause: error });
  }
}

export type SerializedError = { code: ErrorCode; message: string } & Omit<ErrorDetails, 'cause'>;

/** Why a file cannot be read, by the codes of the file system. */
const UNREADABLE: Readonly<Record<string, string>> = {
  EACCES: 'this user has no rights to it',
  EPERM: 'this user has no rights to it',
  ELOOP: 'links lead in a circle',
  ENOENT: 'a link leads nowhere',
  ENOTDIR: 'a part of its path is a file, and no folder',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'its name is too long',
  ENXIO: 'it is a socket or a device',
  ENODEV: 'it is a device that is not there',
};

/** The error of a file or folder that is there and cannot be read. */
export function unreadableFile(cause: NodeJS.ErrnoException, path = cause.path): RobleError {
  if (cause.code === 'EMFILE' || cause.code === 'ENFILE') return RobleError.from(cause);
  const reason = UNREADABLE[cause.code ?? ''] ?? 'the disk or the network drive has a fault';
  return new RobleError('ROBLE_FILE_UNREADABLE', `${path ?? 'A file'} cannot be read: ${reason}.`, {
    received: cause.message,
    cause,
  });
}
