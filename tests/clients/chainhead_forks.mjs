// chainHead across forks on blocks made to order: what is told when branches win and lose, and what stays readable.
import assert from 'node:assert/strict';
import { blake2AsHex } from '@polkadot/util-crypto';
import { connect, nonceOf, pair, refused, sign, UNIT } from './harness/chain.mjs';
import { MANUAL, sealer } from './harness/manual.mjs';
import { suite } from './harness/suite.mjs';

const KEPT = 4;
const { url, check, end } = await suite('chainhead_forks', { own: [...MANUAL, '--state-pruning', `${KEPT}`] });
const api = await connect(url), seal = await sealer(url), { rpc } = seal;
const NUMBER = api.query.system.number.key(), alice = pair('//Alice');

/** A follow with its first events taken off; `next` gives event and hash as one line. */
async function follow() {
  const stream = await rpc.subscribe('chainHead_v1_follow', 'chainHead_v1_followEvent', true);
  const first = [await stream.next('initialized')];
  while (first.at(-1).event !== 'bestBlockChanged') first.push(await stream.next('first events'));
  return Object.assign(stream, { first, told: async () => line(await stream.next('follow event')) });
}

function line(event) {
  switch (event.event) {
    case 'newBlock': return `new ${event.blockHash} on ${event.parentBlockHash}`;
    case 'bestBlockChanged': return `best ${event.bestBlockHash}`;
    case 'finalized': return `final ${event.finalizedBlockHashes} pruned ${[...event.prunedBlockHashes].sort()}`;
    default: return JSON.stringify(event);
  }
}

/** Starts an operation and gives its only event, or the items before the end. */
async function operation(head, method, ...params) {
  const started = await rpc.call(`chainHead_v1_${method}`, head.id, ...params);
  assert.equal(started.result, 'started');
  let items = [];
  for (;;) {
    const event = await head.until(event => event.operationId === started.operationId, `event of ${method}`);
    if (event.event === 'operationStorageItems') items = items.concat(event.items);
    else return event.event === 'operationStorageDone' ? items : event;
  }
}

const numberAt = async (head, hash) => {
  const items = await operation(head, 'storage', hash, [{ key: NUMBER, type: 'value' }], null);
  return Array.isArray(items) ? Buffer.from(items[0].value.slice(2), 'hex').readUInt32LE() : items.event;
};

await check('branches that win, come back, lose and are pruned are told in order', async () => {
  const root = await seal.block({ finalize: true }), head = await follow();
  assert.equal(head.first[0].finalizedBlockHashes.at(-1), root);
  const a1 = await seal.block({ parent: root });
  assert.deepEqual([await head.told(), await head.told()], [`new ${a1} on ${root}`, `best ${a1}`]);
  const b1 = await seal.block({ parent: root });
  assert.equal(await head.told(), `new ${b1} on ${root}`);
  const b2 = await seal.block({ parent: b1 });
  assert.deepEqual([await head.told(), await head.told()], [`new ${b2} on ${b1}`, `best ${b2}`]);
  const c2 = await seal.block({ parent: b1 });
  assert.equal(await head.told(), `new ${c2} on ${b1}`);
  // Someone who comes now is told the same tree, parents first.
  const late = await follow();
  const blocks = late.first.slice(1, -1).map(event => event.blockHash);
  assert.deepEqual([...blocks].sort(), [a1, b1, b2, c2].sort());
  assert(blocks.indexOf(b1) < Math.min(blocks.indexOf(b2), blocks.indexOf(c2)));
  assert.equal(line(late.first.at(-1)), `best ${b2}`);
  // The best branch loses: the best block moves before it is pruned.
  await seal.finalize(a1);
  for (const one of [head, late]) {
    assert.deepEqual([await one.told(), await one.told()], [`best ${a1}`, `final ${a1} pruned ${[b1, b2, c2].sort()}`]);
  }
  await rpc.call('chainHead_v1_unfollow', late.id);

  // What was pruned stays pinned and readable: header, body, state, calls.
  const header = await rpc.call('chainHead_v1_header', head.id, b2);
  assert.equal(blake2AsHex(header), b2);
  assert.equal((await operation(head, 'body', b2)).value.length, 2, 'the inherents');
  assert.deepEqual([await numberAt(head, b1), await numberAt(head, b2)], [await numberAt(head, a1), await numberAt(head, a1) + 1]);
  assert.equal((await operation(head, 'call', b2, 'Core_version', '0x')).event, 'operationCallDone');
  await rpc.call('chainHead_v1_unpin', head.id, [b1, b2]);
  await refused(rpc.call('chainHead_v1_header', head.id, b2), -32801);
  await refused(rpc.call('chainHead_v1_unpin', head.id, [c2, b2]), -32801);
  assert.equal(await numberAt(head, c2), await numberAt(head, a1) + 1, 'nothing was unpinned with it');
  await rpc.call('chainHead_v1_unfollow', head.id);
});

await check(`pinned states answer within ${KEPT} blocks, and say that they are gone beyond`, async () => {
  const old = await seal.block({ finalize: true }), head = await follow();
  const number = await numberAt(head, old);
  for (let n = 0; n < KEPT - 1; n++) await seal.block({ finalize: true });
  assert.equal(await numberAt(head, old), number);
  for (let n = 0; n < 3; n++) await seal.block({ finalize: true });
  assert.equal(await numberAt(head, old), 'operationInaccessible');
  assert.equal((await operation(head, 'call', old, 'Core_version', '0x')).event, 'operationInaccessible');
  assert.equal((await operation(head, 'body', old)).event, 'operationBodyDone', 'bodies are kept');
  assert.equal(blake2AsHex(await rpc.call('chainHead_v1_header', head.id, old)), old);
  const call = await rpc.call('archive_v1_call', old, 'Core_version', '0x');
  assert.deepEqual([call.success, /discarded/.test(call.error)], [false, true]);
  const events = await rpc.subscribe('archive_v1_storage', 'archive_v1_storageEvent', old, [{ key: NUMBER, type: 'value' }], null);
  assert.match((await events.next()).error, /discarded/);
  await rpc.call('chainHead_v1_unfollow', head.id);
});

await check('several blocks that become final at once are one event', async () => {
  const head = await follow(), blocks = [];
  for (let n = 0; n < 3; n++) blocks.push(await seal.block());
  await seal.finalize(blocks[2]);
  const told = [];
  while (!told.at(-1)?.startsWith('final')) told.push(await head.told());
  assert.deepEqual(told.at(-1), `final ${blocks} pruned `);
  assert.equal(told.filter(one => one.startsWith('new')).length, 3);
  await rpc.call('chainHead_v1_unfollow', head.id);
});

await check('a watched transaction goes into a block, out of it, into another branch and becomes final', async () => {
  const root = (await seal.best()).hash;
  const signed = sign(api, api.tx.balances.transferKeepAlive(pair('//Elsewhere').address, UNIT), alice, { nonce: await nonceOf(api, alice) });
  const stream = await rpc.subscribe('transactionWatch_v1_submitAndWatch', 'transactionWatch_v1_watchEvent', signed.toHex());
  const next = async () => { const { event, block } = await stream.next('event'); return [event, block?.hash, block?.index]; };
  assert.deepEqual(await next(), ['validated', undefined, undefined]);
  const a1 = await seal.block({ parent: root });
  assert.deepEqual(await next(), ['bestChainBlockIncluded', a1, 2]);
  const b1 = await seal.block({ parent: root }), b2 = await seal.block({ parent: b1 });
  assert.deepEqual(await next(), ['bestChainBlockIncluded', undefined, undefined], 'out of the best chain');
  assert.deepEqual(await next(), ['validated', undefined, undefined]);
  const home = await seal.block({ parent: b2 });
  assert.deepEqual(await next(), ['bestChainBlockIncluded', home, 2]);
  const body = await rpc.call('archive_v1_body', home);
  assert.equal(blake2AsHex(body[2]), signed.hash.toHex());
  await seal.finalize(home);
  assert.deepEqual(await next(), ['finalized', home, 2]);
});

await check('storageDiff tells exactly what the states of two blocks differ in', async () => {
  const from = await seal.block(), to = await seal.block(), [top, ...hashes] = [await seal.block(), to, from].reverse();
  const state = async at => {
    const keys = await rpc.call('state_getKeysPaged', '0x', 1_000, null, at);
    const [{ changes }] = await rpc.call('state_queryStorageAt', keys, at);
    return new Map(changes);
  };
  const [before, after] = [await state(top), await state(hashes.at(-1))];
  const expected = [...new Set([...before.keys(), ...after.keys()])].sort()
    .filter(key => before.get(key) !== after.get(key))
    .map(key => [key, after.get(key) ?? before.get(key), !before.has(key) ? 'added' : after.has(key) ? 'modified' : 'deleted']);
  const stream = await rpc.subscribe('archive_v1_storageDiff', 'archive_v1_storageDiffEvent', hashes.at(-1), null, top);
  const told = [];
  for (let event = await stream.next(); event.event === 'storageDiff'; event = await stream.next()) told.push([event.key, event.value, event.type]);
  assert.deepEqual(told, expected);
  assert(expected.length > 3 && before.size > expected.length, `${expected.length} of ${before.size} keys`);
});

await end();
