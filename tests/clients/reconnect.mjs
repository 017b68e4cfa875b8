// A node that is killed and started again while a client is connected: the client finds the same chain, and goes on.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, WsProvider } from '@polkadot/api';
import { include, nonceOf, pair, sign, UNIT, watch } from './harness/chain.mjs';
import { startNode } from './harness/node.mjs';
import { Stream } from './harness/rpc.mjs';
import { suite } from './harness/suite.mjs';

const { check, end, binary } = await suite('reconnect', { own: 'none' });
const base = mkdtempSync(join(tmpdir(), 'quire-clients-'));
process.on('exit', () => rmSync(base, { recursive: true, force: true }));
let node = await startNode(binary, ['--base-path', base]);
const port = new URL(node.url).port, flags = ['--base-path', base, '--rpc-port', port];
const api = await ApiPromise.create({ provider: new WsProvider(node.url, 100), noInitWarn: true });
const [alice, bob] = [pair('//Alice'), pair('//Bob')];
const heads = new Stream(), balances = new Stream();
await api.rpc.chain.subscribeNewHeads(head => heads.push(head));
await api.query.system.account(bob.address, account => balances.push(account.data.free.toBigInt()));

/** Ends the node and starts it again on the same port and folder; the client comes back by itself. */
async function restart(how) {
  const lost = new Promise(gone => api.once('disconnected', gone)), back = new Promise(found => api.once('connected', found));
  await node[how]();
  await lost;
  node = await startNode(binary, flags);
  await back;
}

/** A transfer that the subscription on the balance shows; gives the block in which it is final. */
async function pay() {
  const before = balances.seen.at(-1);
  const done = await include(api, api.tx.balances.transferKeepAlive(bob.address, UNIT), alice);
  await balances.until(one => one === before + UNIT, 'the new balance');
  assert.equal(await done.statuses.until(one => one.startsWith('finalized'), 'finality'), `finalized:${done.block}`);
  return done.block;
}

await balances.next('balance');
for (const how of ['kill', 'stop']) {
  await check(`${how} and start again: subscriptions come back, what was final is final`, async () => {
    const block = await pay();
    const number = (await api.rpc.chain.getHeader(block)).number.toNumber(), best = (await api.rpc.chain.getHeader()).number.toNumber();
    await restart(how);
    assert.equal((await api.rpc.chain.getBlockHash(number)).toHex(), block);
    await heads.until(head => head.number.toNumber() > best, 'a new head');
    await pay();
  });
}

await check('a transaction signed before is taken after, once', async () => {
  const nonce = await nonceOf(api, bob), signed = sign(api, api.tx.system.remark('0x01'), bob, { nonce });
  await restart('kill');
  const stream = await watch(api, signed);
  await stream.until(one => one.startsWith('finalized'), 'finality');
  assert.equal(await nonceOf(api, bob), nonce + 1);
});

await api.disconnect();
await node.stop();
await end();
