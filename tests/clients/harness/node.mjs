// A node of its own for one script: started on free ports in a temporary folder, stopped at the end.
import { spawn } from 'node:child_process';

const START_MS = 20_000;
const LOG_LINES = 400;
const running = new Set();

/** A running node, of the development chain unless `--chain` names another: `url` for WebSocket, `http` for HTTP, `log()` for its last lines, `stop()` and `kill()` to end it. */
export async function startNode(binary, flags = []) {
  const free = flags.includes('--rpc-port') ? [] : ['--rpc-port', '0'];
  const chain = flags.includes('--chain') ? ['--tmp', '--alice', '--force-authoring'] : ['--dev'];
  const args = [...chain, ...free, '--port', '0', '--no-prometheus', ...flags];
  const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = [];
  running.add(child);
  const exited = new Promise(done => child.once('exit', (code, signal) => { running.delete(child); done(signal ?? code); }));
  const address = await new Promise((found, failed) => {
    const late = setTimeout(() => failed(new Error(`${binary} opened no RPC port in ${START_MS} ms\n${lines.join('\n')}`)), START_MS);
    const stop = error => { clearTimeout(late); failed(error); };
    let rest = '';
    child.once('error', stop);
    exited.then(code => stop(new Error(`${binary} ${args.join(' ')} ended with ${code}\n${lines.join('\n')}`)));
    child.stderr.setEncoding('utf8').on('data', text => {
      const parts = (rest + text).split('\n');
      rest = parts.pop();
      for (const line of parts) {
        lines.push(line);
        if (lines.length > LOG_LINES) lines.shift();
        const port = /Running JSON-RPC server: addr=127\.0\.0\.1:(\d+)/.exec(line);
        if (port) { clearTimeout(late); found(`127.0.0.1:${port[1]}`); }
      }
    });
  }).catch(error => { child.kill('SIGKILL'); throw error; });
  return {
    url: `ws://${address}`,
    http: `http://${address}`,
    log: (count = 12) => lines.slice(-count).join('\n'),
    async stop() { child.kill('SIGTERM'); return exited; },
    async kill() { child.kill('SIGKILL'); return exited; },
  };
}

// Whatever happens to the script, its nodes end with it.
process.on('exit', () => running.forEach(child => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
