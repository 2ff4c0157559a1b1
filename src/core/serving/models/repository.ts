import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RobleError } from '../../base/errors.js';
import { checked, checkedJson } from '../../base/schema/checked.js';
import { replaceFile } from '../../base/storage/durable.js';
import { fileVersion } from '../../base/storage/files.js';
import { readTextFile } from '../../base/storage/text-file.js';
import { BUNDLE_FILES } from '../../model/bundle.js';

/** Where the versions of one model come from, and where it is remembered which of them are served. */
export interface ModelSource {
  /** How answers name the model; undefined: as its bundle does. */
  readonly name?: string;
  target(): Promise<ModelTarget>;
  keep(target: ModelTarget): Promise<void>;
  /** The place of a version that somebody asks for. */
  place(wanted: WantedVersion): BundlePlace;
  /** Changes when there may be something else to serve; undefined while nothing can be read. */
  fingerprint(): Promise<string | undefined>;
}

/** As the administration names a version: by its folder, or in a repository by its name. */
export type WantedVersion = { readonly folder: string } | { readonly version: string };

/** A bundle in a folder, which may be replaced there. */
export class FolderSource implements ModelSource {
  #target: ModelTarget;

  constructor(folder: string) {
    this.#target = { stable: { folder } };
  }

  async target(): Promise<ModelTarget> {
    return this.#target;
  }

  async keep(target: ModelTarget): Promise<void> {
    this.#target = target;
  }

  place(wanted: WantedVersion): BundlePlace {
    if ('folder' in wanted) return { folder: wanted.folder };
    throw new RobleError('ROBLE_REQUEST_INVALID', 'This server has no repository of versions.', {
      received: `version ${wanted.version}`,
      expected: '"folder": that of a bundle',
    });
  }

  fingerprint(): Promise<string | undefined> {
    return fileVersion(join(this.#target.stable.folder, BUNDLE_FILES.manifest));
  }
}

/** What of a model in a repository is served; absent: the newest version. */
const PLAN_FILE = 'serving.json';

/** The name of a model or a version, which is that of a folder. */
const safeName = z.string().regex(/^[\w-][\w.-]*$/, 'expected letters, digits, ".", "_" and "-"');
export const percentSchema = z.number().gte(0).lte(100);
const planSchema = z.strictObject({
  version: safeName.optional(),
  canary: z.strictObject({ version: safeName, percent: percentSchema }).optional(),
  shadow: z.strictObject({ version: safeName }).optional(),
});
type ServingPlan = z.output<typeof planSchema>;

/** The versions of one model in a repository: REPOSITORY/NAME/VERSION, each a bundle. */
export class RepositorySource implements ModelSource {
  readonly name: string;
  readonly #folder: string;

  constructor(repository: string, name: string) {
    this.name = name;
    this.#folder = join(repository, name);
  }

  /** The versions that are whole, the newest last: 10 comes after 9. */
  async versions(): Promise<string[]> {
    const found: string[] = [];
    for (const name of await readdir(this.#folder))
      if (safeName.safeParse(name).success && (await this.#manifestOf(name))) found.push(name);
    return found.sort(new Intl.Collator('en', { numeric: true }).compare);
  }

  async target(): Promise<ModelTarget> {
    const { version = (await this.versions()).at(-1), canary, shadow } = await this.#plan();
    if (version === undefined)
      throw new RobleError('ROBLE_FILE_NOT_FOUND', `The model "${this.name}" has no version.`, {
        received: this.#folder,
        expected: 'a folder NAME/VERSION that holds a bundle',
      });
    return {
      stable: this.place({ version }),
      ...(canary && { canary: { ...this.place(canary), percent: canary.percent } }),
      ...(shadow && { shadow: this.place(shadow) }),
    };
  }

  async keep({ stable, canary, shadow }: ModelTarget): Promise<void> {
    const plan: ServingPlan = {
      version: stable.version,
      ...(canary && { canary: { version: canary.version!, percent: canary.percent } }),
      ...(shadow && { shadow: { version: shadow.version! } }),
    };
    await replaceFile(join(this.#folder, PLAN_FILE), `${JSON.stringify(plan, null, 2)}\n`);
  }

  place(wanted: WantedVersion): BundlePlace & { readonly version: string } {
    const version = checked(
      safeName,
      'version' in wanted ? wanted.version : undefined,
      'ROBLE_REQUEST_INVALID',
      'A model of the repository is named by its version.',
    );
    return { folder: join(this.#folder, version), version };
  }

  async fingerprint(): Promise<string | undefined> {
    const versions = await this.versions().catch(() => undefined);
    const parts = await Promise.all(versions?.map((version) => this.#manifestOf(version)) ?? []);
    return versions && [...versions, ...parts, await fileVersion(join(this.#folder, PLAN_FILE))].join();
  }

  #manifestOf(version: string): Promise<string | undefined> {
    return fileVersion(join(this.#folder, version, BUNDLE_FILES.manifest));
  }

  async #plan(): Promise<ServingPlan> {
    const path = join(this.#folder, PLAN_FILE);
    if (!(await fileVersion(path))) return {};
    const text = await readTextFile(path, { code: 'ROBLE_CONFIG_INVALID' });
    return checkedJson(planSchema, text, 'ROBLE_CONFIG_INVALID', path);
  }
}

/** The models of a repository by name. */
export async function modelsIn(repository: string): Promise<string[]> {
  const entries = await readdir(repository, { withFileTypes: true }).catch((cause: Error) => {
    throw new RobleError('ROBLE_FILE_NOT_FOUND', `The repository "${repository}" cannot be read.`, {
      expected: 'a folder with NAME/VERSION, each a bundle',
      cause,
    });
  });
  return entries
    .filter(
      (entry) => (entry.isDirectory() || entry.isSymbolicLink()) && safeName.safeParse(entry.name).success,
    )
    .map(({ name }) => name)
    .sort();
}

/** One bundle, and the version that it is called. */
export interface BundlePlace {
  readonly folder: string;
  readonly version?: string;
}

/** What shall be served under one name. */
export interface ModelTarget {
  readonly stable: BundlePlace;
  /** Answers a share of the requests, 0..100 percent. */
  readonly canary?: BundlePlace & { readonly percent: number };
  /** Sees what the stable model sees, and answers nobody. */
  readonly shadow?: BundlePlace;
}

export function withoutRole(target: ModelTarget, role: 'canary' | 'shadow'): ModelTarget {
  const { [role]: _, ...rest } = target;
  return rest;
}

/**
 * The canary as the stable model.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID` where there is none
 */
export function withCanaryPromoted({ canary, ...rest }: ModelTarget): ModelTarget {
  if (!canary)
    throw new RobleError('ROBLE_REQUEST_INVALID', 'There is no canary to promote.', {
      expected: 'a canary that was started before',
    });
  const { percent, ...place } = canary;
  return { ...rest, stable: place };
}

/**
 * What was served before the last change: without the canary, or with the stable model before this one.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID` where there is neither
 */
export function targetBefore(target: ModelTarget, previous: BundlePlace | undefined): ModelTarget {
  if (target.canary) return withoutRole(target, 'canary');
  if (previous) return { ...target, stable: previous };
  throw new RobleError('ROBLE_REQUEST_INVALID', 'There is nothing to roll back to.', {
    expected: 'a canary, or a version that was served before',
  });
}
