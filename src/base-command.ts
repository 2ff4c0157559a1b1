import { Console } from 'node:console';
// By parts: the whole of oclif takes half as long again to load.
import { Command } from '@oclif/core/command';
import * as Errors from '@oclif/core/errors';
import * as Flags from '@oclif/core/flags';
import type * as Interfaces from '@oclif/core/interfaces';
import { EXIT, RobleError } from './core/base/errors.js';
import type { Overrides } from './core/base/schema/merge.js';
import { hidePasswords } from './core/base/secret.js';
import type { Config } from './core/config/schema.js';
import type { TrainingProgress } from './core/learning/training/run/events.js';
import type { PackageRequest } from './core/plugin/packages.js';
import type { PluginRegistry } from './core/plugin/registry.js';
import type { LibraryContext } from './library.js';
import type { ClosableReporter } from './ui/progress/line-reporters.js';
import { createReporter, type ReporterKind } from './ui/progress/reporter.js';
import { fromUsageError, isUsageError, successJson, tellFailure } from './ui/results/errors.js';
import {
  flushStandardStreams,
  printData,
  ReaderLeft,
  standardStreams,
} from './ui/terminal/standard-streams.js';

/** How long an interrupted command waits until its last output has been read. */
const FAREWELL_MS = 1000;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

// biome-ignore lint/suspicious/noExplicitAny: the constraint of oclif's own signature of `parse`.
type Words = Record<string, any>;

/**
 * What every command shares: `--json`, the reporter, signals, coded errors and exit codes.
 *
 * A command says what it does in {@link execute}, which returns plain data, and how people see that in {@link render}.
 * With `--json` the same data is printed as `{ schemaVersion, ok, result | error, warnings }` and `render` is not called.
 *
 * @example
 * export default class DataInfo extends RobleCommand<DatasetInfo> {
 *   static override summary = 'Show what a data set holds.';
 *   static override args = { dataset: Args.string({ description: 'Folder of the data set.' }) };
 *
 *   protected async execute(context: Context): Promise<DatasetInfo> {
 *     const { args } = await this.parse(DataInfo);
 *     const config = await this.loadConfig({ dataset: { value: args.dataset, flag: 'DATASET' } });
 *     const { datasetInfo } = await import('../../core/dataset/info.js');
 *     return datasetInfo(config.dataset, context);
 *   }
 *
 *   protected render(info: DatasetInfo): void {
 *     this.log(`${info.count} images`);
 *   }
 * }
 */
export abstract class RobleCommand<Result> extends Command {
  static override enableJsonFlag = true;

  static override baseFlags = {
    config: Flags.string({
      helpGroup: 'GLOBAL',
      helpValue: 'FILE',
      description: 'Configuration file, instead of the roble.config.yaml of the project.',
    }),
    reporter: Flags.option({
      options: ['auto', 'tty', 'plain', 'ndjson'] as const,
      helpGroup: 'GLOBAL',
      description: 'How progress is shown on standard error; auto: by what standard error is.',
    })(),
    verbose: Flags.boolean({
      helpGroup: 'GLOBAL',
      description: 'Show the causes and stack traces of errors.',
    }),
  };

  /** Signals that end the command at a safe point. */
  protected readonly stopSignals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGHUP'];

  /** Whether what is wrong with plugins is in the result, and not to be told beside it. */
  protected readonly tellsPlugins: boolean = false;

  /** Set by a command that ends with another code than 0 and still has a result. */
  protected exitCode: number | undefined;

  private readonly controller = new AbortController();
  /** What {@link execute} is given; the plugins are there when the configuration has been loaded. */
  private readonly context: Writable<LibraryContext> = { signal: this.controller.signal, reporter: this };
  private readonly warnings: string[] = [];
  /** Hides what the configuration declares secret, once that is known, in all output. */
  protected hide = hidePasswords;
  private parsing: Promise<unknown> | undefined;
  private reporter: ClosableReporter | undefined;
  private interruptedWith: number | undefined;
  /** Ends the watch for what plugins from outside do to this process. */
  private stopWatching = () => {};

  /** The work. It returns plain data that survives JSON, prints nothing, and throws `RobleError`s. */
  protected abstract execute(context: LibraryContext): Promise<Result>;

  /** Shows the result to people, by `this.log`. */
  protected abstract render(result: Result): void | Promise<void>;

  /**
   * The configuration of this invocation: defaults, user file, project file, environment, then `overrides`.
   *
   * @param overrides values of flags by the key that they override, with the flag's name for messages and
   *   `config:show --origin`. An `undefined` value (the flag was not given) is ignored.
   * @example
   * await this.loadConfig({ 'train.epochs': { value: flags.epochs, flag: '--epochs' } });
   * @throws {RobleError} `ROBLE_CONFIG_INVALID`, `ROBLE_CONFIG_SYNTAX`, `ROBLE_FILE_NOT_FOUND`
   */
  protected async loadConfig(overrides: Overrides = {}): Promise<Config> {
    return (await this.loadConfigWithOrigins(overrides)).config;
  }

  /** As {@link loadConfig}, with the origin of each value, the files that were read, and the schema that says what is secret. */
  protected async loadConfigWithOrigins(overrides: Overrides = {}) {
    const { flags } = await this.parse(this.ctor as unknown as Pick<typeof RobleCommand, 'baseFlags'>);
    const { loadConfig } = await import('./core/config/load.js');
    const { homeFolder } = await import('./core/base/storage/home.js');
    const loaded = await loadConfig({
      cwd: process.cwd(),
      env: process.env,
      home: homeFolder(),
      overrides,
      signal: this.controller.signal,
      openPlugins: (requests) => this.openPlugins(requests),
      ...(flags.config !== undefined && { configFile: flags.config }),
    });
    const { hiderOf } = await import('./core/base/schema/secrets.js');
    const { secretsSchema } = await import('./core/config/keys.js');
    // It is there, because it was opened.
    const registry = loaded.registry!;
    const schema = await secretsSchema(loaded.config, registry);
    this.hide = hiderOf(loaded.config, schema);
    for (const warning of loaded.warnings) this.warn(warning);
    return { ...loaded, registry, schema };
  }

  /** The plugins in the box, those that the project names, and those of the machine. */
  protected async openPlugins(requests: readonly PackageRequest[] | 'off'): Promise<PluginRegistry> {
    const { createRegistry } = await import('./plugins/index.js');
    const registry = createRegistry();
    this.context.registry = registry;
    if (requests === 'off') return registry;
    const { machinePackages } = await import('./core/plugin/machine.js');
    const wanted = [...requests, ...(await machinePackages(this.config.dataDir))];
    if (wanted.length === 0) return registry;
    const { PRESETS } = await import('./core/learning/presets.js');
    const { SOURCE_FORMATS } = await import('./core/data/formats/format-names.js');
    registry.reserve('preset', Object.keys(PRESETS));
    registry.reserve('reader', ['auto', ...SOURCE_FORMATS]);
    const { describeSetAside, findPackages } = await import('./core/plugin/packages.js');
    registry.add(await findPackages(wanted));
    if (registry.packages.length > 0) {
      const { watchStrays } = await import('./core/plugin/strays.js');
      this.stopWatching();
      this.stopWatching = watchStrays(registry, (error, isExit) => this.endForStray(error, isExit));
    }
    for (const each of this.tellsPlugins ? [] : registry.setAside)
      this.warn([`A plugin is set aside: ${describeSetAside(each)}`, ...(each.nextSteps ?? [])].join(' '));
    return registry;
  }

  /** Whether a person is there to answer questions. */
  protected get isInteractive(): boolean {
    return Boolean(process.stdin.isTTY && process.stderr.isTTY) && !this.jsonEnabled();
  }

  /** Parses once; later calls give the same answer, so that `execute` may ask again with the precise type. */
  protected override parse<F extends Words, B extends Words, A extends Words>(
    options?: Interfaces.Input<F, B, A>,
    argv?: string[],
  ): Promise<Interfaces.ParserOutput<F, B, A>> {
    this.parsing ??= super.parse(options, argv);
    return this.parsing as Promise<Interfaces.ParserOutput<F, B, A>>;
  }

  /** Prints for people. */
  override log(message = '', ...values: unknown[]): void {
    super.log(this.hide(message), ...values);
  }

  /** Warns people on standard error, and scripts in the `warnings` of the JSON output. */
  override warn(input: Error | string): Error | string {
    this.report({ type: 'warning', message: input instanceof Error ? input.message : input });
    return input;
  }

  async run(): Promise<void> {
    standardStreams();
    // What a plugin prints must not stand in the data.
    if (this.jsonEnabled()) globalThis.console = new Console(process.stderr);
    const { flags } = await this.parse(this.ctor as unknown as Pick<typeof RobleCommand, 'baseFlags'>);
    this.reporter = createReporter((flags.reporter ?? 'auto') as ReporterKind, process.stderr, process.env);
    const release = this.listenToSignals();
    try {
      const result = await this.execute(this.context);
      await this.closeReporter();
      await this.print(result);
      process.exitCode = this.exitCode ?? this.interruptedWith ?? EXIT.ok;
    } finally {
      this.stopWatching();
      release();
    }
  }

  /** Ends the command for what a plugin did outside of any call. */
  private endForStray(error: RobleError, isExit: boolean): void {
    if (this.interruptedWith !== undefined) return;
    if (!isExit) return void this.catch(error).finally(() => process.exit());
    process.exitCode = error.exitCode;
    this.tell(error);
  }

  /** Part of the `Reporter` contract: the command itself is the reporter of its context. */
  report(reported: TrainingProgress): void {
    const event = 'message' in reported ? { ...reported, message: this.hide(reported.message) } : reported;
    if (event.type === 'warning') this.warnings.push(event.message);
    if (this.reporter) this.reporter.report(event);
    else if (event.type === 'warning') process.stderr.write(`Warning: ${event.message}\n`);
  }

  private async print(result: Result): Promise<void> {
    if (!this.jsonEnabled()) return this.render(result);
    const { fault } = standardStreams().error;
    const warnings = fault ? [...this.warnings, `${fault.code}: ${fault.message}`] : this.warnings;
    printData(this.hide(successJson(result, warnings)));
  }

  protected override async catch(thrown: Error): Promise<void> {
    await this.closeReporter();
    if (thrown instanceof Errors.ExitError) {
      process.exitCode = thrown.oclif.exit ?? EXIT.ok;
      return;
    }
    if (thrown instanceof ReaderLeft) {
      process.exitCode = this.interruptedWith ?? EXIT.ok;
      return;
    }
    const error = this.asRobleError(thrown);
    process.exitCode = this.interruptedWith ?? error.exitCode;
    // A fault of the streams themselves is reported when the process ends.
    if (error !== standardStreams().output.fault) this.tell(error);
  }

  private tell(error: RobleError): void {
    tellFailure(error, {
      asJson: this.jsonEnabled(),
      warnings: this.warnings,
      verbose: this.wantsDetails(),
      hide: this.hide,
    });
  }

  /**
   * An interrupted command ends when its work has ended, even if something is still under way: a reader that stands
   * still, or a start that was abandoned.
   */
  protected override async finally(error: Error | undefined): Promise<void> {
    await super.finally(error);
    if (this.interruptedWith === undefined) return;
    await flushStandardStreams(FAREWELL_MS);
    process.exit();
  }

  private asRobleError(thrown: Error): RobleError {
    if (
      this.controller.signal.aborted &&
      (thrown === this.controller.signal.reason || thrown.name === 'AbortError')
    )
      return this.controller.signal.reason as RobleError;
    return isUsageError(thrown) ? fromUsageError(thrown, this.ctor) : RobleError.from(thrown);
  }

  /** Read from the words themselves, because parsing them may be what failed. */
  private wantsDetails(): boolean {
    return this.argv.includes('--verbose') || Boolean(process.env.DEBUG);
  }

  private async closeReporter(): Promise<void> {
    const reporter = this.reporter;
    this.reporter = undefined;
    await reporter?.close();
  }

  /**
   * The first signal asks the work to stop at a safe point; the second ends the process at once. SIGUSR1 is what Slurm
   * sends before a time limit (`--signal`), SIGHUP what a terminal sends that closes.
   */
  private listenToSignals(): () => void {
    const listener = (signal: NodeJS.Signals) => {
      const code = signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
      if (this.interruptedWith !== undefined) process.exit(code);
      this.interruptedWith = code;
      this.controller.abort(new RobleError('ROBLE_INTERRUPTED', `Interrupted by ${signal}.`));
    };
    for (const signal of this.stopSignals) process.on(signal, listener);
    return () => {
      for (const signal of this.stopSignals) process.off(signal, listener);
    };
  }
}
