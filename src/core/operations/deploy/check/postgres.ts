import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  lastLines,
  type ProgramOptions,
  runProgram,
  withTemporaryFolder,
} from '../../../base/process/programs.js';
import { makeReadable, makeTreeReadable } from '../permissions.js';
import { error, missingFile, missingProgram, type StackCheck, type StackFinding } from './stack-check.js';

const FILE = 'postgres/init.sql';
/** Each row that comes back is a right too many. */
const RIGHTS = `
  select 'the role ' || rolname || ' has rights of an administrator' from pg_roles
    where rolname like 'roble%' and (rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls)
  union all select 'the role ' || rolname || ' has no bound of connections' from pg_roles
    where rolname like 'roble%' and rolconnlimit < 0
  union all select 'everybody may connect to the database' where has_database_privilege('public', 'roble', 'connect')
  union all select 'everybody may make tables' where has_schema_privilege('public', 'public', 'create')
  union all select 'the role roble_reader may write' where has_schema_privilege('roble_reader', 'public', 'create')
  union all select 'the role roble_app cannot make its tables' where not has_schema_privilege('roble_app', 'public', 'create')`;

export const postgresCheck: StackCheck = {
  title: 'PostgreSQL',
  async run(stack) {
    const sql = await stack.text(FILE);
    if (sql === undefined) return { findings: [missingFile(FILE)] };
    const findings: StackFinding[] = [];
    // Somebody's password, in place of one that is read from a file.
    if (/password\s+'[^']/i.test(sql))
      findings.push(
        error(FILE, 'has a password in it', 'Read it from a file: \\set name `cat /run/secrets/FILE`.'),
      );
    const tried = await tryOut(sql);
    if (tried === undefined)
      return {
        findings,
        notChecked: [missingProgram('initdb', 'postgresql', 'whether PostgreSQL takes init.sql, twice')],
      };
    return { findings: [...findings, ...tried] };
  },
};

/** On a cluster of the moment, which listens on a socket alone: the file runs twice, then the rights are looked at. */
async function tryOut(sql: string): Promise<StackFinding[] | undefined> {
  if ((await runProgram('initdb', ['--version'])) === undefined) return undefined;
  return withTemporaryFolder(async (folder) => {
    const owner = await ownerOf(folder);
    const data = join(folder, 'data');
    const run = (program: string, ...words: string[]) =>
      runProgram(program, words, { ...owner, cwd: folder });
    const made = await run(
      'initdb',
      '--pgdata',
      data,
      '--username',
      'postgres',
      '--auth',
      'trust',
      '--no-sync',
    );
    if (!made?.isWell)
      return [
        error(
          FILE,
          `no cluster could be made to try it: ${lastLines(made?.output ?? '')}`,
          'Look at the disk and the rights of the temporary folder.',
        ),
      ];
    await mkdir(join(folder, 'secrets'));
    for (const [, name] of sql.matchAll(/\/run\/secrets\/(\w+)/g))
      await writeFile(join(folder, 'secrets', name!), 'password');
    await writeFile(join(folder, 'init.sql'), sql.replaceAll('/run/secrets/', `${folder}/secrets/`));
    // PostgreSQL runs as another user where this is root.
    await makeTreeReadable(join(folder, 'secrets'));
    await makeReadable(join(folder, 'init.sql'));
    const server = [
      '-D',
      data,
      '-o',
      `-c listen_addresses='' -c unix_socket_directories='${folder}' -c fsync=off`,
    ];
    const started = await run('pg_ctl', ...server, '-l', join(folder, 'log'), '-w', 'start');
    if (!started?.isWell)
      return [
        error(
          FILE,
          `the cluster to try it does not start: ${lastLines(started?.output ?? '')}`,
          'Try again.',
        ),
      ];
    try {
      const psql = (...words: string[]) =>
        run(
          'psql',
          '-X',
          '-q',
          '-A',
          '-t',
          '-v',
          'ON_ERROR_STOP=1',
          '-h',
          folder,
          '-U',
          'postgres',
          '-d',
          'roble',
          ...words,
        );
      await run('createdb', '-h', folder, '-U', 'postgres', 'roble');
      for (const which of ['the first', 'the second']) {
        const ran = await psql('-f', join(folder, 'init.sql'));
        if (!ran?.isWell)
          return [
            error(
              FILE,
              `fails at ${which} run: ${lastLines(ran?.output ?? '')}`,
              'Mend what it names; each statement has to be one that may be repeated.',
            ),
          ];
      }
      const rights = await psql('-c', RIGHTS);
      if (!rights?.isWell)
        return [
          error(
            FILE,
            `does not make the roles that the stack uses: ${lastLines(rights?.output ?? '')}`,
            'Run "roble deploy:compose" again.',
          ),
        ];
      return rights.output
        .split('\n')
        .filter(Boolean)
        .map((message) => error(FILE, message, 'Take it away in init.sql, or give it there.'));
    } finally {
      await run('pg_ctl', '-D', data, '-m', 'immediate', '-w', 'stop');
    }
  });
}

/** PostgreSQL refuses to run as root: then as its own user, or else as nobody. */
async function ownerOf(folder: string): Promise<ProgramOptions> {
  if (process.getuid?.() !== 0) return {};
  const found = await runProgram('id', ['-u', 'postgres']);
  const uid = found?.isWell ? Number(found.output) : 65_534;
  await chown(folder, uid, uid);
  return { uid, gid: uid };
}
