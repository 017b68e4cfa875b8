// Storage as clients read it: maps in pages, several keys at once, old blocks, subscriptions, proofs.
import assert from 'node:assert/strict';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';
import { connect, fund, include, pair, refused, UNIT } from './harness/chain.mjs';
import { readProof } from './harness/proof.mjs';
import { Rpc } from './harness/rpc.mjs';
import { suite } from './harness/suite.mjs';

const { url, check, end } = await suite('storage');
const api = await connect(url), rpc = await Rpc.connect(url);
const alice = pair('//Alice');
const MANY = 1_100, GIFT = UNIT / 100n;
// Addresses that nobody has, other ones in each run.
const run = blake2AsHex(`${Date.now()} ${process.pid}`);
const address = n => u8aToHex(hexToU8a(blake2AsHex(`${run} ${n}`)));
const many = Array.from({ length: MANY }, (_, n) => address(n));
const ACCOUNTS = api.query.system.account.keyPrefix();
const before = (await api.rpc.chain.getBlockHash()).toHex();
let after;

await check(`${MANY} transfers in a row create as many accounts`, async () => {
  after = await fund(api, alice, many.map(to => [to, GIFT]));
});

await check('entries() at one block: every account once, together the total issuance', async () => {
  const at = await api.at(after);
  const entries = await at.query.system.account.entries();
  const found = new Set(entries.map(([key]) => u8aToHex(key.args[0].toU8a())));
  assert.equal(found.size, entries.length, 'no account twice');
  for (const one of many) assert(found.has(one), `${one} is missing`);
  const sum = entries.reduce((sum, [, { data }]) => sum + data.free.toBigInt() + data.reserved.toBigInt(), 0n);
  assert.equal(sum, (await at.query.balances.totalIssuance()).toBigInt());
});

await check('entriesPaged() and keysPaged() walk the whole map in order without gap or overlap', async () => {
  const at = await api.at(after);
  const all = (await at.query.system.account.keys()).map(String);
  assert.deepEqual(all, [...all].sort(), 'ascending');
  for (const pageSize of [1_000, 333]) {
    const walked = [];
    for (let startKey;;) {
      const page = await at.query.system.account.entriesPaged({ args: [], pageSize, startKey });
      assert(page.length <= pageSize, 'no more than a page');
      if (page.length === 0) break;
      walked.push(...page.map(([key]) => String(key)));
      startKey = walked.at(-1);
    }
    assert.deepEqual(walked, all, `pages of ${pageSize}`);
  }
  const keys = await at.query.system.account.keysPaged({ args: [], pageSize: 10, startKey: all[4] });
  assert.deepEqual(keys.map(String), all.slice(5, 15), 'strictly after the start key');
});

await check('state_getKeysPaged: limits, an empty page, a prefix without keys', async () => {
  const paged = (...params) => rpc.call('state_getKeysPaged', ...params);
  assert.equal((await paged(ACCOUNTS, 1_000, null, after)).length, 1_000);
  assert.deepEqual(await paged(ACCOUNTS, 0, null, after), []);
  assert.deepEqual(await paged('0xffffffffff', 10, null, after), []);
  const all = (await (await api.at(after)).query.system.account.keys()).map(String);
  assert.deepEqual(await paged(ACCOUNTS, 10, all.at(-1), after), [], 'nothing after the last');
  assert.deepEqual(await paged(ACCOUNTS, 2, undefined, after), all.slice(0, 2), 'no start key');
  await refused(paged(ACCOUNTS, 1_001, null, after), 4002, { message: 'count exceeds maximum value. value: 1001, max: 1000' });
});

await check('multi(): present and absent accounts in the order asked', async () => {
  const absent = address('absent');
  const [first, none, last] = await api.query.system.account.multi([many[0], absent, many[MANY - 1]]);
  assert.equal(first.data.free.toBigInt(), GIFT);
  assert.equal(none.data.free.toBigInt(), 0n);
  assert.equal(none.providers.toNumber(), 0);
  assert.equal(last.data.free.toBigInt(), GIFT);
  const all = await api.query.system.account.multi(many);
  assert(all.every(({ data }) => data.free.toBigInt() === GIFT), `${MANY} keys in one question`);
});

await check('queryMulti(): different items in one question', async () => {
  const [issuance, number, account] = await api.queryMulti([
    api.query.balances.totalIssuance, api.query.system.number, [api.query.system.account, many[1]],
  ]);
  assert(issuance.toBigInt() > UNIT && number.toNumber() > 0);
  assert.equal(account.data.free.toBigInt(), GIFT);
});

await check('old blocks show what was true then', async () => {
  const [then, now] = await Promise.all([api.at(before), api.at(after)]);
  assert.equal((await then.query.system.account(many[0])).data.free.toBigInt(), 0n);
  assert.equal((await now.query.system.account(many[0])).data.free.toBigInt(), GIFT);
  assert(await now.query.system.account.hash(many[0]) && (await now.query.system.account.size(many[0])).toNumber() === 80);
  const [old, young] = await Promise.all([then.query.system.account.keys(), now.query.system.account.keys()]);
  assert(young.length >= old.length + MANY);
  const header = await api.rpc.chain.getHeader(before);
  assert.equal((await then.query.system.number()).toNumber(), header.number.toNumber());
});

await check('state_getStorage, its hash and its size agree with state_queryStorageAt', async () => {
  const key = api.query.system.account.key(many[0]), absent = api.query.system.account.key(address('absent'));
  const value = await rpc.call('state_getStorage', key, after);
  assert.equal(value.length, 2 + 2 * 80);
  assert.equal(await rpc.call('state_getStorageHash', key, after), blake2AsHex(hexToU8a(value)));
  assert.equal(await rpc.call('state_getStorageSize', key, after), 80);
  for (const name of ['state_getStorage', 'state_getStorageHash', 'state_getStorageSize']) {
    assert.equal(await rpc.call(name, absent, after), null, name);
  }
  assert.deepEqual(await rpc.call('state_queryStorageAt', [key, absent], after), [{ block: after, changes: [[key, value], [absent, null]] }]);
});

await check('state_queryStorage: one element per block of the range that changed a key', async () => {
  const key = api.query.system.account.key(many[0]), always = api.query.system.number.key();
  const numbers = await Promise.all([before, after].map(async hash => (await api.rpc.chain.getHeader(hash)).number.toNumber()));
  const sets = await rpc.call('state_queryStorage', [key, always], before, after);
  assert.equal(sets.length, numbers[1] - numbers[0] + 1, 'the number changes in every block');
  assert.deepEqual(sets[0].changes.map(([name]) => name), [key, always], 'the first element has all keys');
  assert.equal(sets[0].changes[0][1], null);
  assert.equal(sets.filter(({ changes }) => changes.some(([name, value]) => name === key && value)).length, 1, 'funded once');
  await refused(rpc.call('state_queryStorage', [key], after, before), 4001);
});

await check('a subscription starts with all keys, null for absent ones, and then tells changes only', async () => {
  const fresh = address('fresh');
  const keys = [many[0], fresh, many[1]].map(who => api.query.system.account.key(who));
  const stream = await rpc.subscribe('state_subscribeStorage', 'state_storage', keys);
  const first = await stream.next('first notification');
  assert.deepEqual(first.changes.map(([key]) => key), keys);
  assert.deepEqual(first.changes.map(([, value]) => value === null), [false, true, false]);
  const { block } = await include(api, api.tx.balances.transferKeepAlive(fresh, GIFT), alice);
  const second = await stream.next('the change');
  assert.equal(second.block, block);
  assert.deepEqual(second.changes.map(([key]) => key), [keys[1]]);
  assert.equal(second.changes[0][1], await rpc.call('state_getStorage', keys[1], block));
  assert.equal(await rpc.call('state_unsubscribeStorage', stream.id), true);
  assert.equal(await rpc.call('state_unsubscribeStorage', stream.id), false, 'ended once');
});

await check('@polkadot/api subscriptions on several accounts see a new one appear', async () => {
  const fresh = address('watched');
  const seen = [];
  let changed;
  const appeared = new Promise(done => { changed = done; });
  const stop = await api.query.system.account.multi([many[2], fresh], accounts => {
    seen.push(accounts.map(({ data }) => data.free.toBigInt()));
    if (seen.at(-1)[1] > 0n) changed();
  });
  await include(api, api.tx.balances.transferKeepAlive(fresh, GIFT), alice);
  await appeared;
  stop();
  assert.deepEqual(seen[0], [GIFT, 0n]);
  assert.deepEqual(seen.at(-1), [GIFT, GIFT]);
});

await check('read proofs: values short and long, absence, several keys, and what they do not prove', async () => {
  const { stateRoot } = await api.rpc.chain.getHeader(after);
  const root = stateRoot.toHex();
  const long = api.query.system.account.key(many[0]), short = api.query.timestamp.now.key();
  const absent = api.query.system.account.key(address('absent')), code = '0x3a636f6465';
  const { at, proof } = await rpc.call('state_getReadProof', [long, short, absent], after);
  assert.equal(at, after);
  for (const key of [long, short, absent]) assert.equal(readProof(root, proof, key), await rpc.call('state_getStorage', key, after), key);
  assert.equal(readProof(root, proof, absent), null);
  assert.throws(() => readProof(root, proof, code), /lacks/, 'what was not asked for is not proven');
  for (let gone = 0; gone < proof.length; gone++) {
    const rest = proof.filter((_, n) => n !== gone);
    const proven = [long, short, absent].every(key => { try { readProof(root, rest, key); return true; } catch { return false; } });
    assert(!proven, `node ${gone} of ${proof.length} is superfluous`);
  }
  const forged = proof.map(node => node.replace(/.$/, last => last === '0' ? '1' : '0'));
  assert.throws(() => readProof(root, forged, long), /lacks/);
  const ofCode = await rpc.call('state_getReadProof', [code], after);
  assert.equal(readProof(root, ofCode.proof, code), await rpc.call('state_getStorage', code, after));
});

await end();
