// Two branches on one node: what head, transaction and storage subscriptions tell while the best chain changes sides.
import assert from 'node:assert/strict';
import { connect, nonceOf, outcome, pair, refused, sign, UNIT, watch } from './harness/chain.mjs';
import { MANUAL, sealer } from './harness/manual.mjs';
import { Stream } from './harness/rpc.mjs';
import { suite } from './harness/suite.mjs';

const { url, check, end } = await suite('forks', { own: MANUAL });
const api = await connect(url), seal = await sealer(url), { rpc } = seal;
const [alice, bob, charlie] = ['//Alice', '//Bob', '//Charlie'].map(suri => pair(suri));
const free = async (who, at) => BigInt((await (await api.at(at)).query.system.account(who)).data.free.toBigInt());
const headHash = header => api.registry.createType('Header', header).hash.toHex();
const fresh = name => pair(`//${name}`).address;

/** Items as they come, through a function that names them. */
function collect(name) {
  const stream = new Stream();
  return { stream, push: item => stream.push(name(item)) };
}

/** The three streams of heads, as hashes; what they tell first is taken off. */
async function heads() {
  const streams = {};
  for (const [key, method, notification] of [
    ['best', 'chain_subscribeNewHeads', 'chain_newHead'], ['all', 'chain_subscribeAllHeads', 'chain_allHead'],
    ['final', 'chain_subscribeFinalizedHeads', 'chain_finalizedHead']]) {
    streams[key] = await rpc.subscribe(method, notification);
    streams[key].first = headHash(await streams[key].next('current head'));
  }
  return { ...streams, next: async (key, what) => headHash(await streams[key].next(what)) };
}

await check('the first item of every stream of heads is the current head', async () => {
  const block = await seal.block({ finalize: true });
  const streams = await heads();
  assert.deepEqual([streams.best.first, streams.all.first, streams.final.first], [block, block, block]);
});

await check('best heads follow the longest branch, all heads tell both, final heads one after the other', async () => {
  const root = (await seal.best()).hash, streams = await heads();
  const a1 = await seal.block({ parent: root });
  assert.deepEqual([await streams.next('best'), await streams.next('all')], [a1, a1]);
  const b1 = await seal.block({ parent: root });
  assert.equal(await streams.next('all'), b1);
  assert.equal((await seal.best()).hash, a1, 'a second block of the same height changes nothing');
  const { number } = await seal.best();
  assert.equal(await rpc.call('chain_getBlockHash', number), a1);
  const b2 = await seal.block({ parent: b1 });
  assert.deepEqual([await streams.next('best'), await streams.next('all')], [b2, b2]);
  assert.equal(await rpc.call('chain_getBlockHash', number), b1, 'numbers follow the best branch');
  const a2 = await seal.block({ parent: a1 }), a3 = await seal.block({ parent: a2 });
  assert.deepEqual([await streams.next('all'), await streams.next('all')], [a2, a3]);
  assert.equal(await streams.next('best'), a3, 'back again');
  await seal.finalize(a3);
  assert.deepEqual([await streams.next('final'), await streams.next('final'), await streams.next('final')], [a1, a2, a3]);
  for (const key of ['best', 'all', 'final']) assert.equal(streams[key].unread, 0, `${key}: nothing else`);
  await refused(seal.finalize(b2), 16_000);
  await refused(rpc.call('engine_createBlock', true, false, b2), 13_000);
});

await check('a transfer: in a block, retracted, ready, in a block of the other branch, final', async () => {
  const root = (await seal.best()).hash, to = fresh('Retracted');
  const signed = sign(api, api.tx.balances.transferKeepAlive(to, UNIT), bob, { nonce: await nonceOf(api, bob) });
  const hash = signed.hash.toHex(), stream = await watch(api, signed);
  assert.equal(await stream.next(), 'ready');
  const a1 = await seal.block({ parent: root });
  assert.equal(await stream.next(), `inBlock:${a1}`);
  assert.deepEqual(await rpc.call('author_pendingExtrinsics'), []);
  const b1 = await seal.block({ parent: root });
  assert.equal(stream.unread, 0, 'another branch as long as its own concerns nobody');
  const b2 = await seal.block({ parent: b1 });
  assert.equal(await stream.next(), `retracted:${a1}`);
  assert.equal(await stream.next(), 'ready', 'it waits again');
  assert.deepEqual(await rpc.call('author_pendingExtrinsics'), [signed.toHex()]);
  assert.equal((await api.query.system.account(to)).data.free.toBigInt(), 0n);
  const b3 = await seal.block({ parent: b2 });
  assert.equal(await stream.next(), `inBlock:${b3}`);
  await seal.finalize(b3);
  assert.equal(await stream.next(), `finalized:${b3}`);
  assert.deepEqual(stream.seen, ['ready', `inBlock:${a1}`, `retracted:${a1}`, 'ready', `inBlock:${b3}`, `finalized:${b3}`]);
  assert.equal((await outcome(api, b3, hash)).error, null);
  const tip = await seal.blocks(5);
  assert.equal(await rpc.call('chain_getBlockHash', Number((await rpc.call('chain_getHeader', b3)).number)), b3, 'final stays final');
  assert.equal(await free(to, tip), UNIT);
  await seal.finalize(tip);
});

await check('back and forth: each change of sides is told, and the last word is the truth', async () => {
  const root = (await seal.best()).hash;
  const signed = sign(api, api.tx.system.remark('0x22'), bob, { nonce: await nonceOf(api, bob) }), stream = await watch(api, signed);
  assert.equal(await stream.next(), 'ready');
  const a1 = await seal.block({ parent: root });
  assert.equal(await stream.next(), `inBlock:${a1}`);
  const b1 = await seal.block({ parent: root }), b2 = await seal.block({ parent: b1 });
  assert.deepEqual([await stream.next(), await stream.next()], [`retracted:${a1}`, 'ready']);
  const a2 = await seal.block({ parent: a1 }), a3 = await seal.block({ parent: a2 });
  assert.equal((await seal.best()).hash, a3);
  assert.equal(await stream.next(), `inBlock:${a1}`, 'its first block is on the best chain again');
  assert.deepEqual(await rpc.call('author_pendingExtrinsics'), []);
  await seal.finalize(a3);
  assert.equal(await stream.next(), `finalized:${a1}`);
  assert.equal(await rpc.call('chain_getHeader', b2).then(header => header?.parentHash ?? b1), b1);
});

await check('a rival on the other branch: retracted, ready, usurped', async () => {
  const root = (await seal.best()).hash, nonce = await nonceOf(api, charlie);
  const first = sign(api, api.tx.system.remark('0x01'), charlie, { nonce }), stream = await watch(api, first);
  assert.equal(await stream.next(), 'ready');
  const a1 = await seal.block({ parent: root });
  assert.equal(await stream.next(), `inBlock:${a1}`);
  const b1 = await seal.block({ parent: root }), b2 = await seal.block({ parent: b1 });
  assert.deepEqual([await stream.next(), await stream.next()], [`retracted:${a1}`, 'ready']);
  const second = sign(api, api.tx.system.remark('0x02'), charlie, { nonce, tip: 100n }), other = await watch(api, second);
  assert.equal(await other.next(), 'ready');
  assert.equal(await stream.next(), `usurped:${second.hash.toHex()}`);
  const b3 = await seal.block({ parent: b2, finalize: true });
  assert.deepEqual([await other.next(), await other.next()], [`inBlock:${b3}`, `finalized:${b3}`]);
  await assert.rejects(outcome(api, b3, first.hash.toHex()), /is not in the block/);
});

await check('a storage subscription follows the best chain to the other side and back', async () => {
  const root = (await seal.best()).hash, to = fresh('Stored'), key = api.query.system.account.key(to);
  const stream = await rpc.subscribe('state_subscribeStorage', 'state_storage', [key]);
  const next = async () => { const { block, changes } = await stream.next('change'); return [block, changes.length, changes[0][0], changes[0][1] !== null]; };
  assert.deepEqual(await next(), [root, 1, key, false]);
  const signed = sign(api, api.tx.balances.transferKeepAlive(to, UNIT), bob, { nonce: await nonceOf(api, bob) }), watched = await watch(api, signed);
  assert.equal(await watched.next(), 'ready');
  const a1 = await seal.block({ parent: root });
  assert.deepEqual(await next(), [a1, 1, key, true]);
  const b1 = await seal.block({ parent: root });
  const b2 = await seal.block({ parent: b1 });
  assert.deepEqual(await next(), [b2, 1, key, false]);
  assert.equal(await rpc.call('state_getStorage', key), null);
  assert.notEqual(await rpc.call('state_getStorage', key, a1), null, 'the other branch is still there to be asked');
  await watched.until(status => status === 'ready' && watched.seen.includes(`retracted:${a1}`));
  const b3 = await seal.block({ parent: b2, finalize: true });
  assert.deepEqual(await next(), [b3, 1, key, true]);
  assert.equal(stream.unread, 0);
});

await check('@polkadot/api: an account subscription and derive.chain across the change of sides', async () => {
  const root = await seal.best(), to = fresh('Derived');
  const balances = collect(account => account.data.free.toBigInt()), derived = collect(header => header.hash.toHex());
  const stops = [await api.query.system.account(to, balances.push), await api.derive.chain.subscribeNewHeads(derived.push)];
  assert.equal(await balances.stream.next(), 0n);
  assert.equal(await derived.stream.next(), root.hash);
  const watched = await watch(api, sign(api, api.tx.balances.transferKeepAlive(to, UNIT), bob, { nonce: await nonceOf(api, bob) }));
  assert.equal(await watched.next(), 'ready');
  const a1 = await seal.block({ parent: root.hash });
  assert.equal(await balances.stream.next(), UNIT);
  assert.equal(await derived.stream.next(), a1);
  const b1 = await seal.block({ parent: root.hash }), b2 = await seal.block({ parent: b1 });
  assert.equal(await balances.stream.next(), 0n);
  assert.equal(await derived.stream.next(), b2);
  for (const [hash, count] of [[a1, 3], [b1, 2], [b2, 2]]) {
    const block = await api.derive.chain.getBlock(hash);
    assert.equal(block.extrinsics.length, count, 'both branches can be looked at');
    assert.equal(block.block.header.hash.toHex(), hash);
  }
  assert.equal((await api.derive.chain.getBlockByNumber(root.number + 1)).block.header.hash.toHex(), b1);
  assert.equal((await api.derive.chain.getHeader(b2)).parentHash.toHex(), b1);
  await watched.until(status => status === 'ready' && watched.seen.includes(`retracted:${a1}`));
  const b3 = await seal.block({ parent: b2, finalize: true });
  assert.equal(await balances.stream.next(), UNIT);
  assert.equal(await derived.stream.next(), b3);
  stops.forEach(stop => stop());
});

await check('signAndSend() of @polkadot/api sees the retraction and ends with what is final', async () => {
  const root = (await seal.best()).hash, statuses = collect(result => result.status.type);
  const stop = await api.tx.system.remarkWithEvent('0x77').signAndSend(bob, { nonce: -1 }, statuses.push);
  assert.equal(await statuses.stream.next(), 'Ready');
  await seal.block({ parent: root });
  assert.equal(await statuses.stream.next(), 'InBlock');
  const b1 = await seal.block({ parent: root }), b2 = await seal.block({ parent: b1 });
  assert.deepEqual([await statuses.stream.next(), await statuses.stream.next()], ['Retracted', 'Ready']);
  const b3 = await seal.block({ parent: b2 });
  assert.equal(await statuses.stream.next(), 'InBlock');
  await seal.finalize(b3);
  assert.equal(await statuses.stream.next(), 'Finalized');
  stop();
});

await check('a deep change of sides: twenty blocks with a transaction each, given back and taken again', async () => {
  const DEEP = 20, root = (await seal.best()).hash, nonce = await nonceOf(api, charlie), streams = [];
  for (let n = 0; n < DEEP; n++) {
    const stream = await watch(api, sign(api, api.tx.system.remark([n]), charlie, { nonce: nonce + n }));
    assert.equal(await stream.next(), 'ready');
    streams.push(stream);
    const block = await seal.block();
    assert.equal(await stream.next(), `inBlock:${block}`);
  }
  let other = root;
  for (let n = 0; n <= DEEP; n++) other = await seal.block({ parent: other });
  for (const stream of streams) {
    assert.match(await stream.next(), /^retracted:/);
    await stream.until(status => status === 'ready', 'ready again');
  }
  const block = await seal.block({ finalize: true });
  assert.equal((await rpc.call('chain_getHeader', block)).parentHash, other);
  for (const stream of streams) {
    assert.equal(await stream.next(), `inBlock:${block}`);
    assert.equal(await stream.next(), `finalized:${block}`);
  }
  assert.equal(await nonceOf(api, charlie), nonce + DEEP);
});

await check('no finality for 512 blocks ends a watch', async () => {
  const signed = sign(api, api.tx.system.remark('0x99'), bob, { nonce: await nonceOf(api, bob) }), stream = await watch(api, signed);
  assert.equal(await stream.next(), 'ready');
  const block = await seal.block();
  assert.equal(await stream.next(), `inBlock:${block}`);
  await seal.blocks(511);
  assert.equal(stream.unread, 0, 'not yet');
  await seal.blocks(1);
  assert.equal(await stream.next(), `finalityTimeout:${block}`);
});

await end();
