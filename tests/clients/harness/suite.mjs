// One script is one suite: named checks, one line each, exit code 1 when any failed or the time is up.
//
//   node SCRIPT.mjs [ws://HOST:PORT] [--node BINARY]
//
// A suite that needs flags of its own on the node takes the binary, the others take either.
import { startNode } from './node.mjs';

const LIMIT_MS = 58_000;

/** Opens a suite. `own` are the flags of a node that must be the suite's own; with `'none'` the suite starts its nodes itself. */
export async function suite(name, { own } = {}) {
  const args = process.argv.slice(2);
  const given = args.find(arg => /^wss?:/.test(arg));
  const binary = args.includes('--node') ? args[args.indexOf('--node') + 1] : undefined;
  if (!binary && (own || !given)) {
    console.error(`usage: node ${name}.mjs ${own ? '' : '[ws://HOST:PORT] '}--node BINARY`);
    process.exit(2);
  }
  const nodes = [];
  const start = async (flags = []) => {
    if (!binary) throw new Error('this check starts a node of its own: give --node BINARY');
    const node = await startNode(binary, flags);
    nodes.push(node);
    return node;
  };
  const failed = [];
  let current = 'the start';
  const give_up = why => {
    console.log(`FAIL ${name}: ${current}: ${why}`);
    for (const node of nodes) console.log(`--- log of ${node.url}\n${node.log()}`);
    process.exit(1);
  };
  setTimeout(() => give_up(`not done after ${LIMIT_MS / 1000} s`), LIMIT_MS).unref();
  process.on('unhandledRejection', error => give_up(`unhandled: ${error?.stack ?? error}`));
  process.on('uncaughtException', error => give_up(`uncaught: ${error?.stack ?? error}`));

  const url = own === 'none' ? undefined : own ? (await start(own)).url : given ?? (await start()).url;
  return {
    url,
    http: url?.replace(/^ws/, 'http'),
    start,
    binary,
    /** Runs one check; what follows runs in any case, so that one run shows every fault. */
    async check(what, body) {
      current = what;
      const from = performance.now();
      try {
        await body();
        console.log(`ok   ${name}: ${what} (${Math.round(performance.now() - from)} ms)`);
      } catch (error) {
        failed.push(what);
        const where = error?.stack?.split('\n').find(line => /tests\/clients\/[^/]+\.mjs|clients\/[a-z_]+\.mjs/.test(line)) ?? '';
        console.log(`FAIL ${name}: ${what}\n     ${error?.message ?? error}\n    ${where.trim()}`);
      }
    },
    /** Ends the process. */
    async end() {
      if (failed.length) for (const node of nodes) console.log(`--- log of ${node.url}\n${node.log()}`);
      await Promise.all(nodes.map(node => node.stop()));
      if (failed.length) console.log(`${name}: ${failed.length} failed: ${failed.join('; ')}`);
      process.exit(failed.length ? 1 : 0);
    },
  };
}
