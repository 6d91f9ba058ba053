// A real nginx in front of something, on a port and in a folder of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

export interface Nginx extends AsyncDisposable {
  readonly url: string;
}

/** Starts nginx with these `location` blocks and its defaults everywhere else. */
export function startNginx(locations: string): Promise<Nginx> {
  return startNginxWith((address) => `server { listen ${address}; ${locations} }`);
}

/** Starts nginx with what stands in its `http` block, where one server listens on the address. */
export async function startNginxWith(http: (address: string) => string): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-nginx-'));
  const port = await freePort();
  // As root it would change its user, who may not enter the folder.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = `
    ${user}
    daemon off;
    worker_processes 1;
    pid ${folder}/nginx.pid;
    error_log ${folder}/error.log;
    events {}
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      ${http(`127.0.0.1:${port}`)}
    }`;
  await writeFile(join(folder, 'nginx.conf'), config);
  const program = process.env['MILLRACE_NGINX'] ?? '/usr/sbin/nginx';
  const child = spawn(program, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = once(child, 'close');
  const url = `http://127.0.0.1:${port}`;
  const isUp = () => fetch(`${url}/`).then(drain, () => false);
  while (child.exitCode === null && !(await isUp())) await new Promise(setImmediate);
  if (child.exitCode !== null) throw new Error(`nginx ended: ${stderr}`);
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await closed;
      await rm(folder, { recursive: true });
    },
  };
}

async function drain(response: Response): Promise<boolean> {
  await response.text();
  return true;
}
