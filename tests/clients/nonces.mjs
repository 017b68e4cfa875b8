// The life of a transaction before its block, as streams: future, ready, usurped, dropped, invalid; and what replaces what.
import assert from 'node:assert/strict';
import { connect, fund, nonceOf, outcome, pair, refused, sign, UNIT, watch } from './harness/chain.mjs';
import { MANUAL, sealer } from './harness/manual.mjs';
import { suite } from './harness/suite.mjs';

const LIMIT = 8;
const { url, check, end } = await suite('nonces', { own: [...MANUAL, '--pool-limit', String(LIMIT)] });
const api = await connect(url), seal = await sealer(url), { rpc } = seal;
const [alice, bob, charlie, dave, eve, ferdie] = ['Alice', 'Bob', 'Charlie', 'Dave', 'Eve', 'Ferdie'].map(name => pair(`//${name}`));
const remark = (who, nonce, tip = 0n, text = 'x') => sign(api, api.tx.system.remark(text), who, { nonce, tip });
const hash = signed => signed.hash.toHex();
const submit = signed => rpc.call('author_submitExtrinsic', signed.toHex());
const pending = () => rpc.call('author_pendingExtrinsics');
const nextIndex = who => rpc.call('system_accountNextIndex', who.address);

await check('a gap: future until it is filled, then ready, then in the block in the order of nonces', async () => {
  const nonce = await nonceOf(api, alice);
  const [first, second, third] = [0, 1, 2].map(n => remark(alice, nonce + n));
  const late = await watch(api, third), middle = await watch(api, second);
  assert.equal(await late.next('status'), 'future');
  assert.equal(await middle.next('status'), 'future');
  assert.equal(await nextIndex(alice), nonce, 'what waits for another counts for nothing');
  assert.deepEqual(await pending(), []);
  const early = await watch(api, first);
  for (const stream of [early, middle, late]) assert.equal(await stream.next('status'), 'ready');
  assert.equal(await nextIndex(alice), nonce + 3);
  assert.deepEqual(await pending(), [first, second, third].map(one => one.toHex()), 'in the order in which a block takes them');
  const block = await seal.block();
  for (const [n, stream] of [early, middle, late].entries()) {
    assert.equal(await stream.next('status'), `inBlock:${block}`);
    assert.equal((await outcome(api, block, hash([first, second, third][n]))).index, 2 + n, 'after the inherents, by nonce');
  }
  await seal.finalize(block);
  for (const stream of [early, middle, late]) assert.equal(await stream.next('status'), `finalized:${block}`);
  assert.deepEqual(late.seen, ['future', 'ready', `inBlock:${block}`, `finalized:${block}`]);
});

await check('a higher tip replaces: usurped ends the stream, what came after stays ready', async () => {
  const nonce = await nonceOf(api, bob);
  const cheap = remark(bob, nonce), after = remark(bob, nonce + 1), dear = remark(bob, nonce, 1_000n);
  const [old, next] = [await watch(api, cheap), await watch(api, after)];
  assert.deepEqual([await old.next(), await next.next()], ['ready', 'ready']);
  const fresh = await watch(api, dear);
  assert.equal(await fresh.next('status'), 'ready');
  assert.equal(await old.next('status'), `usurped:${hash(dear)}`);
  const block = await seal.block({ finalize: true });
  assert.equal(await fresh.next('status'), `inBlock:${block}`);
  assert.equal(await next.next('status'), `inBlock:${block}`);
  assert.equal(await fresh.next('status'), `finalized:${block}`);
  assert.deepEqual(old.seen, ['ready', `usurped:${hash(dear)}`], 'nothing follows');
  await assert.rejects(outcome(api, block, hash(cheap)), /is not in the block/);
});

await check('a higher tip replaces what waits in the future, too', async () => {
  const nonce = await nonceOf(api, bob) + 1;
  const cheap = await watch(api, remark(bob, nonce));
  assert.equal(await cheap.next(), 'future');
  const dear = remark(bob, nonce, 10n), fresh = await watch(api, dear);
  assert.equal(await fresh.next(), 'future');
  assert.equal(await cheap.next('status'), `usurped:${hash(dear)}`);
  await submit(remark(bob, nonce - 1));
  assert.equal(await fresh.next('status'), 'ready');
  const block = await seal.block({ finalize: true });
  assert.equal(await fresh.next(), `inBlock:${block}`);
});

await check('1014: the same or a lower tip replaces nothing, and leaves the stream alone', async () => {
  const nonce = await nonceOf(api, charlie);
  const stream = await watch(api, remark(charlie, nonce, 50n));
  assert.equal(await stream.next(), 'ready');
  for (const tip of [0n, 49n, 50n]) await refused(submit(remark(charlie, nonce, tip, 'y')), 1014);
  const block = await seal.block({ finalize: true });
  assert.equal(await stream.next(), `inBlock:${block}`);
});

await check('1013 while it waits; outdated, then banned, when it is done', async () => {
  const nonce = await nonceOf(api, charlie), signed = remark(charlie, nonce);
  const stream = await watch(api, signed);
  await refused(submit(signed), 1013, { message: 'Transaction Already Imported' });
  await refused(rpc.call('author_submitAndWatchExtrinsic', signed.toHex()), 1013);
  const future = remark(charlie, nonce + 5);
  await submit(future);
  await refused(submit(future), 1013);
  const block = await seal.block({ finalize: true });
  assert.deepEqual([await stream.next(), await stream.next()], ['ready', `inBlock:${block}`]);
  await refused(submit(signed), 1010, { data: 'Transaction is outdated' });
  await refused(submit(signed), 1012, { message: 'Transaction is temporarily banned' });
});

await check('what another one made impossible is invalid, and banned', async () => {
  const poor = pair('//Poor');
  const funding = fund(api, alice, [[poor.address, UNIT]]);
  while ((await pending()).length === 0) await new Promise(setImmediate);
  await seal.block({ finalize: true });
  await funding;
  const nonce = await nonceOf(api, poor);
  const empties = sign(api, api.tx.balances.transferAll(alice.address, true), poor, { nonce });
  const broke = remark(poor, nonce + 1);
  const [gone, left] = [await watch(api, empties), await watch(api, broke)];
  assert.deepEqual([await gone.next(), await left.next()], ['ready', 'ready']);
  const block = await seal.block({ finalize: true });
  assert.equal(await gone.next(), `inBlock:${block}`);
  assert.equal(await left.next('status'), 'invalid');
  await refused(submit(broke), 1012);
  assert.deepEqual(left.seen, ['ready', 'invalid']);
});

await check('a full pool drops the one that pays least, and refuses whoever pays less than all', async () => {
  const nonce = await nonceOf(api, dave);
  const least = await watch(api, remark(ferdie, await nonceOf(api, ferdie), 10n));
  assert.equal(await least.next(), 'ready');
  const rest = [];
  for (let n = 0; n < LIMIT - 1; n++) rest.push(await watch(api, remark(dave, nonce + n, 1_000n)));
  assert.equal((await pending()).length, LIMIT);
  const lower = remark(eve, await nonceOf(api, eve), 1n);
  await refused(submit(lower), 1016, { message: 'Immediately Dropped', data: "The transaction couldn't enter the pool because of the limit" });
  const higher = await watch(api, remark(eve, await nonceOf(api, eve), 500n));
  assert.equal(await higher.next(), 'ready');
  assert.equal(await least.next('status'), 'dropped');
  assert.equal((await pending()).length, LIMIT);
  const block = await seal.block({ finalize: true });
  assert.equal(await higher.next(), `inBlock:${block}`);
  for (const stream of rest) assert.deepEqual([await stream.next(), await stream.next()], ['ready', `inBlock:${block}`]);
  assert.deepEqual(least.seen, ['ready', 'dropped']);
});

await check('blocks take the highest tips first, each sender in the order of its nonces', async () => {
  const [b, c, d] = await Promise.all([bob, charlie, dave].map(who => nonceOf(api, who)));
  const sent = [remark(bob, b, 1n), remark(charlie, c, 500n), remark(dave, d, 100n), remark(bob, b + 1, 10_000n)];
  for (const one of sent) await submit(one);
  const block = await seal.block({ finalize: true });
  const places = await Promise.all(sent.map(async one => (await outcome(api, block, hash(one))).index));
  assert.deepEqual(places, [4, 2, 3, 5]);
});

await check('author_removeExtrinsic throws out what waits', async () => {
  const nonce = await nonceOf(api, eve), signed = remark(eve, nonce), stream = await watch(api, signed);
  assert.equal(await stream.next(), 'ready');
  assert.deepEqual(await rpc.call('author_removeExtrinsic', [{ hash: hash(signed) }]), [hash(signed)]);
  assert.match(await stream.next('status'), /^(dropped|invalid)$/);
  assert.deepEqual(await pending(), []);
  assert.equal(await nextIndex(eve), nonce);
});

await check('author_unwatchExtrinsic ends the stream, not the transaction', async () => {
  const signed = remark(eve, await nonceOf(api, eve), 3n);
  const stream = await rpc.subscribe('author_submitAndWatchExtrinsic', 'author_extrinsicUpdate', signed.toHex());
  assert.equal(await stream.next(), 'ready');
  assert.equal(await rpc.call('author_unwatchExtrinsic', stream.id), true);
  const block = await seal.block({ finalize: true });
  assert.equal((await outcome(api, block, hash(signed))).error, null);
  assert.equal(stream.unread, 0);
});

await end();
