// Mortal and immortal transactions at their boundaries, tips, and payloads around 256 bytes.
import assert from 'node:assert/strict';
import { u8aConcat, u8aToHex } from '@polkadot/util';
import { blake2AsU8a } from '@polkadot/util-crypto';
import { assemble, connect, nonceOf, outcome, pair, parts, refused, sign, watch } from './harness/chain.mjs';
import { MANUAL, sealer } from './harness/manual.mjs';
import { suite } from './harness/suite.mjs';

const { url, check, end } = await suite('eras', { own: MANUAL });
const api = await connect(url), seal = await sealer(url), { rpc } = seal;
const [alice, bob] = [pair('//Alice'), pair('//Bob')];
const BAD = 'Transaction has a bad signature', ANCIENT = 'Transaction has an ancient birth block';
const mortal = async (who, period, birth, options = {}) => sign(api, api.tx.system.remark('0x'), who, { nonce: await nonceOf(api, who), era: { period, birth }, ...options });
const submit = signed => rpc.call('author_submitExtrinsic', signed.toHex());
/** Blocks until the best one has this number. */
const grow = async number => { for (let at = (await seal.best()).number; at < number; at++) await seal.block({ finalize: true }); return seal.best(); };
/** The next number that is `rest` above a multiple of `period`. */
const next = async (period, rest = 0) => { const { number } = await seal.best(); return Math.ceil((number + 1 - rest) / period) * period + rest; };

/** Makes the next block and asserts that the transaction went into it. */
async function inNextBlock(signed) {
  const { number } = await seal.best();
  const block = await seal.block({ finalize: true });
  const done = await outcome(api, block, signed.hash.toHex());
  assert.equal(done.error, null);
  return number + 1;
}

for (const [period, rest] of [[4, 0], [4, 3], [8, 0], [64, 1]]) {
  await check(`period ${period}, phase ${rest}: from the block after its birth to the last one of its period, not one longer`, async () => {
    const birth = await grow(await next(period, rest));
    const [first, last, late, later] = await Promise.all(['//Alice', '//Bob', '//Charlie', '//Dave'].map(who => mortal(pair(who), period, birth)));
    await submit(first);
    assert.equal(await inNextBlock(first), birth.number + 1);
    await grow(birth.number + period - 2);
    await submit(last);
    assert.equal(await inNextBlock(last), birth.number + period - 1, 'the last block of the period');
    await refused(submit(late), 1010, { data: ANCIENT });
    // From now on the same era names another birth block, whose hash was not signed.
    await seal.block({ finalize: true });
    await refused(submit(later), 1010, { data: BAD });
  });
}

await check('a waiting transaction is invalid as soon as no block can take it any more', async () => {
  const birth = await grow(await next(4));
  const stream = await watch(api, await mortal(alice, 4, birth, { nonce: await nonceOf(api, alice) + 1 }));
  assert.equal(await stream.next(), 'future');
  await grow(birth.number + 2);
  assert.deepEqual(stream.seen, ['future'], 'the next block could still take it');
  await grow(birth.number + 3);
  assert.equal(await stream.next('status'), 'invalid');
});

await check('a ready one that misses its last block never gets into another', async () => {
  const birth = await grow(await next(4));
  const signed = await mortal(alice, 4, birth);
  const before = await seal.block({ finalize: true }), last = await seal.block(), rival = await seal.block({ parent: before });
  const stream = await watch(api, signed);
  assert.equal(await stream.next(), 'ready');
  const after = await seal.block({ parent: last });
  assert.equal((await outcome(api, after, signed.hash.toHex())).error, null, 'in time on this branch');
  assert.equal(await stream.next(), `inBlock:${after}`);
  const other = await seal.block({ parent: rival }), longer = await seal.block({ parent: other });
  assert.equal((await seal.best()).hash, longer);
  assert.equal(await stream.next(), `retracted:${after}`);
  assert.equal(await stream.next('status'), 'invalid', 'its era ended on the other branch');
  await refused(submit(signed), 1012);
  await seal.finalize(longer);
});

await check('a birth block that is not there yet, and one that is too young, are ancient: nobody knows their hash', async () => {
  const { number, hash } = await seal.best();
  for (const birth of [number + 1, number + 7]) {
    const signed = await mortal(alice, 64, { number: birth, hash });
    // Before its phase in the first period there is no such block; later the phase names a block of the period before.
    const early = birth < 64;
    await refused(submit(signed), 1010, { data: early || birth === number + 1 ? ANCIENT : BAD });
  }
});

await check('periods are rounded to powers of two from 4 to 65536, long ones count in steps', async () => {
  const birth = await grow(await next(16, 5));
  for (const [period, rounded] of [[2, 4], [3, 4], [5, 8], [100, 128], [4_096, 4_096], [100_000, 65_536]]) {
    const era = api.registry.createType('ExtrinsicEra', { current: birth.number, period });
    assert.equal(era.asMortalEra.period.toNumber(), rounded);
  }
  const quantised = async (period, step) => {
    const at = birth.number - birth.number % step;
    const hash = await rpc.call('chain_getBlockHash', at);
    const wrong = await mortal(alice, period, birth);
    await refused(submit(wrong), 1010, { data: BAD });
    const signed = await mortal(alice, period, { number: birth.number, hash });
    await submit(signed);
    await inNextBlock(signed);
  };
  await quantised(8_192, 2);
  await quantised(65_536, 16);
});

await check('an immortal one signs the genesis hash and waits as long as it must', async () => {
  const nonce = await nonceOf(api, alice);
  const early = sign(api, api.tx.system.remark('0x'), alice, { nonce: nonce + 1 }), stream = await watch(api, early);
  assert.equal(await stream.next(), 'future');
  await grow((await seal.best()).number + 70);
  assert.deepEqual(stream.seen, ['future']);
  await submit(sign(api, api.tx.system.remark('0x'), alice, { nonce }));
  assert.equal(await stream.next(), 'ready');
  await inNextBlock(early);
  const { hash } = await seal.best();
  await refused(submit(sign(api, api.tx.system.remark('0x'), alice, { nonce: nonce + 2, blockHash: hash })), 1010, { data: BAD });
});

await check('a tip is taken on top of the fee, and given to the author', async () => {
  const author = alice.address, tip = 123_456_789n;
  const signed = sign(api, api.tx.system.remark('0x'), bob, { nonce: await nonceOf(api, bob), tip });
  const fee = BigInt((await rpc.call('payment_queryInfo', signed.toHex())).partialFee);
  const free = async who => (await api.query.system.account(who)).data.free.toBigInt();
  const [had, earned] = await Promise.all([free(bob.address), free(author)]);
  await submit(signed);
  await inNextBlock(signed);
  assert.equal(had - await free(bob.address), fee + tip);
  assert.equal(await free(author) - earned, fee + tip);
});

await check('payloads of 256 bytes are signed as they are, longer ones by their hash', async () => {
  const nonce = await nonceOf(api, bob);
  const additional = 4 + 4 + 32 + 32 + 1;
  for (const [length, hashed] of [[255, false], [256, false], [257, true], [5_000, true]]) {
    const at = nonce + [255, 256, 257, 5_000].indexOf(length);
    const shape = text => parts(sign(api, api.tx.system.remark(text), bob, { nonce: at }));
    const remark = bytes => shape(u8aToHex(bytes));
    const around = shape('0x');
    const overhead = around.call.length + around.extra.length + additional;
    let body = new Uint8Array(length - overhead);
    while (remark(body).call.length + around.extra.length + additional > length) body = body.slice(1);
    const exact = remark(body);
    const payload = u8aConcat(exact.call, exact.extra, versions(), api.genesisHash.toU8a(), api.genesisHash.toU8a(), [0]);
    assert.equal(payload.length, length);
    const signature = bytes => bob.sign(bytes);
    const [right, wrong] = hashed ? [blake2AsU8a(payload), payload] : [payload, blake2AsU8a(payload)];
    await refused(rpc.call('author_submitExtrinsic', assemble({ ...exact, signature: signature(wrong) })), 1010, { data: BAD });
    await rpc.call('author_submitExtrinsic', assemble({ ...exact, signature: signature(right) }));
  }
  const block = await seal.block({ finalize: true });
  assert.equal((await rpc.call('chain_getBlock', block)).block.extrinsics.length, 2 + 4);
});

/** Spec and transaction version as they are signed. */
function versions() {
  const { specVersion, transactionVersion } = api.runtimeVersion;
  return u8aConcat(specVersion.toU8a(), transactionVersion.toU8a());
}

await check('a birth block older than the hashes that the chain keeps is ancient', async () => {
  const keeps = api.consts.system.blockHashCount.toNumber(), { number, hash } = await seal.best();
  const inTime = await mortal(alice, 4_096, { number, hash });
  const tooLate = await mortal(bob, 4_096, { number, hash });
  await grow(number + keeps - 1);
  await submit(inTime);
  await inNextBlock(inTime);
  await seal.block({ finalize: true });
  await refused(submit(tooLate), 1010, { data: ANCIENT });
});

await end();
