import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLines, runProgram, withTemporaryFolder } from '../../../base/process/programs.js';
import { sha256 } from '../../../base/storage/durable.js';
import { error, missingFile, missingProgram, type StackCheck, type StackFinding } from './stack-check.js';

const FILE = 'redis/redis.conf';
const USERS = 'secrets/redis_users';
const START_MS = 10_000;

export const redisCheck: StackCheck = {
  title: 'Redis',
  async run(stack) {
    const text = await stack.text(FILE);
    if (text === undefined) return { findings: [missingFile(FILE)] };
    const findings: StackFinding[] = [];
    if (!/^maxmemory\s+[1-9]/m.test(text))
      findings.push(error(FILE, 'has no bound of memory', 'Set "maxmemory 256mb".'));
    if (!/^maxmemory-policy\s+allkeys-/m.test(text))
      findings.push(
        error(FILE, 'refuses new answers when it is full', 'Set "maxmemory-policy allkeys-lru".'),
      );
    if (!/^aclfile\s/m.test(text))
      findings.push(error(FILE, 'lets everybody in', `Set "aclfile /run/secrets/redis_users".`));
    const users = await stack.text(USERS);
    if (users !== undefined) findings.push(...usersFindings(users));
    const tried = await tryOut(text, users);
    if (tried === undefined)
      return {
        findings,
        notChecked: [
          missingProgram('redis-server', 'redis-server', 'whether Redis starts with its configuration'),
        ],
      };
    if (!tried.isWell)
      findings.push(error(FILE, `Redis refuses it: ${lastLines(tried.output)}`, 'Mend what it names.'));
    return { findings };
  },
};

function usersFindings(users: string): StackFinding[] {
  return users
    .split('\n')
    .filter((line) => line.startsWith('user '))
    .flatMap((line) => {
      const [, name, ...rules] = line.split(/\s+/);
      const given = rules.filter((rule) => rule.startsWith('+'));
      const fix = 'Remove the file, and run "roble deploy:secrets" again.';
      return [
        ...(given.some((rule) => /^\+@(all|admin|dangerous)$/.test(rule)) || rules.includes('allcommands')
          ? [error(USERS, `the user ${name} may give dangerous commands`, fix)]
          : []),
        ...(rules.includes('nopass') && given.some((rule) => rule !== '+ping')
          ? [error(USERS, `the user ${name} needs no password`, fix)]
          : []),
      ];
    });
}

/** By Redis itself, on a socket of the moment; without users yet, with one that may do nothing. */
async function tryOut(text: string, users: string | undefined) {
  if ((await runProgram('redis-server', ['--version'])) === undefined) return undefined;
  return withTemporaryFolder(async (folder) => {
    const [configuration, acl, socket] = ['redis.conf', 'users', 'socket'].map((name) => join(folder, name));
    await chmod(folder, 0o700);
    await writeFile(
      acl!,
      users ?? `user default on nopass -@all +ping\nuser roble on #${sha256('')} -@all\n`,
    );
    await writeFile(
      configuration!,
      text.replace(/^aclfile\s.*$/m, `aclfile ${acl}`).replace(/^dir\s.*$/m, `dir ${folder}`),
    );
    const words = [configuration!, '--port', '0', '--unixsocket', socket!, '--daemonize', 'no'];
    const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        output += data;
      });
    const ended = once(child, 'exit');
    try {
      const end = performance.now() + START_MS;
      while (child.exitCode === null && performance.now() < end) {
        if (/Ready to accept connections|ready to accept connections at/.test(output))
          return { isWell: true, output };
        await sleep(20);
      }
      return { isWell: false, output };
    } finally {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await ended;
    }
  });
}
