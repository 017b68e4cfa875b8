// What a node answers to what it cannot take: codes and texts that scripts and wallets match on.
import assert from 'node:assert/strict';
import { u8aToHex } from '@polkadot/util';
import { blake2AsHex, blake2AsU8a } from '@polkadot/util-crypto';
import { assemble, connect, include, nonceOf, pair, parts, refused, sign, UNIT } from './harness/chain.mjs';
import { MANUAL, sealer } from './harness/manual.mjs';
import { Rpc } from './harness/rpc.mjs';
import { suite } from './harness/suite.mjs';

const { url, start, check, end } = await suite('errors');
const api = await connect(url), rpc = await Rpc.connect(url);
const bob = pair('//Bob'), nobody = pair(`//Nobody${Date.now()}`);
const UNKNOWN = `0x${'5a'.repeat(32)}`;
const transfer = (value = UNIT) => api.tx.balances.transferKeepAlive(pair('//Charlie').address, value);
const submit = hex => rpc.call('author_submitExtrinsic', hex);
const invalid = (hex, data) => refused(submit(hex), 1010, { message: 'Invalid Transaction', data });
/** Signed by Bob with his next nonce, so that only what a check changes can be wrong. */
const good = async (options = {}, call = transfer()) => sign(api, call, bob, { nonce: await nonceOf(api, bob), ...options });

await check('1010: bad signatures, and signatures over another chain, runtime or sender', async () => {
  const BAD = 'Transaction has a bad signature';
  const fine = parts(await good());
  const flipped = fine.signature.slice();
  flipped[10] ^= 1;
  await invalid(assemble({ ...fine, signature: flipped }), BAD);
  await invalid(assemble({ ...fine, signature: new Uint8Array(64) }), BAD);
  await invalid(assemble({ ...fine, kind: 0 }), BAD);
  await invalid(assemble({ ...fine, kind: 2, signature: new Uint8Array(65) }), BAD);
  await invalid(assemble({ ...fine, address: api.registry.createType('MultiAddress', pair('//Eve').address).toU8a() }), BAD);
  await invalid(assemble({ ...fine, call: transfer(2n).method.toU8a() }), BAD);
  const other = { specVersion: api.runtimeVersion.specVersion.toNumber() + 1, transactionVersion: api.runtimeVersion.transactionVersion.toNumber() + 1 };
  for (const [name, version] of Object.entries(other)) {
    const runtimeVersion = api.registry.createType('RuntimeVersion', { ...api.runtimeVersion.toJSON(), [name]: version });
    await invalid((await good({ runtimeVersion })).toHex(), BAD);
  }
  await invalid((await good({ genesisHash: UNKNOWN, blockHash: UNKNOWN })).toHex(), BAD);
  const birth = { number: (await api.rpc.chain.getHeader()).number.toNumber(), hash: UNKNOWN };
  await invalid((await good({ era: { birth, period: 64 } })).toHex(), BAD);
});

await check('1010: outdated, too poor, too long, not expected, ancient, wrong signer, mandatory', async () => {
  await include(api, transfer(), bob);
  await invalid(sign(api, transfer(), bob, { nonce: 0 }).toHex(), 'Transaction is outdated');
  const POOR = 'Inability to pay some fees (e.g. account balance too low)';
  await invalid(sign(api, transfer(), nobody, { nonce: 0 }).toHex(), POOR);
  await invalid((await good({ tip: 10n ** 30n })).toHex(), POOR);
  await invalid((await good({}, api.tx.system.killPrefix('0x00', 4_000_000_000))).toHex(), 'Transaction would exhaust the block limits');
  const UNEXPECTED = 'Transaction call is not expected';
  const fine = parts(await good());
  await invalid(assemble({ ...fine, call: new Uint8Array([255, 0]) }), UNEXPECTED);
  await invalid(assemble({ ...fine, call: new Uint8Array([0, 255]) }), UNEXPECTED);
  await invalid(assemble({ ...fine, call: fine.call.slice(0, -1) }), UNEXPECTED);
  await invalid(assemble({ ...fine, call: new Uint8Array([...fine.call, 0]) }), UNEXPECTED);
  await invalid('0x00', UNEXPECTED);
  for (const version of [0x00, 0x03, 0x05, 0x44, 0x45, 0x83, 0x85, 0xff]) await invalid(assemble({ ...fine, version }), UNEXPECTED);
  const withHash = fine.extra.slice();
  withHash[withHash.length - 1] = 1;
  await invalid(assemble({ ...fine, extra: withHash }), UNEXPECTED);
  const head = (await api.rpc.chain.getHeader()).number.toNumber();
  // A birth block that is not there yet: no hash of it is known.
  const birth = { number: head + 2_000, hash: UNKNOWN };
  await invalid((await good({ era: { birth, period: 4_096 } })).toHex(), 'Transaction has an ancient birth block');
  await invalid(assemble({ ...fine, address: new Uint8Array(33) }), 'Invalid signing address');
  await invalid((await good({}, api.tx.timestamp.set(1))).toHex(), 'Transaction dispatch is mandatory; transactions must not be validated.');
});

await check('1011: nobody vouches for what is not signed, nobody knows an index', async () => {
  const bare = call => assemble({ version: 4, call: call.method.toU8a() });
  const unknown = (hex, data) => refused(submit(hex), 1011, { message: 'Unknown Transaction Validity', data });
  await unknown(bare(api.tx.system.remark('0x01')), 'NoUnsignedValidator');
  await unknown(bare(transfer()), 'NoUnsignedValidator');
  const fine = parts(await good());
  const LOOKUP = 'CannotLookup';
  await unknown(assemble({ ...fine, address: new Uint8Array([2, 0]) }), LOOKUP);
  await unknown(assemble({ ...fine, address: new Uint8Array([3, ...bob.publicKey]) }), LOOKUP);
});

await check('1010: an inherent is no transaction', async () => {
  await invalid(assemble({ version: 4, call: api.tx.timestamp.set(1).method.toU8a() }), 'Transaction dispatch is mandatory; transactions must not be validated.');
});

await check('1001: bytes that are no extrinsic', async () => {
  const message = /^Extrinsic has invalid format: .+/;
  const fine = (await good()).toHex();
  for (const hex of ['0x', '0x0c', fine.slice(0, -2), `${fine}00`, `0x${fine.slice(4)}`, `0xfeffffff${'00'.repeat(64)}`, `0x13${'ff'.repeat(8)}`]) {
    await refused(submit(hex), 1001, { message });
    await refused(rpc.call('author_submitAndWatchExtrinsic', hex), 1001, { message });
  }
});

await check('1012: what was invalid a moment ago is banned; 1013: what waits is known; 1014: what pays less does not replace', async () => {
  const fine = parts(await good());
  const bad = assemble({ ...fine, signature: blake2AsU8a(`${Date.now()}`, 512) });
  await invalid(bad, 'Transaction has a bad signature');
  await refused(submit(bad), 1012, { message: 'Transaction is temporarily banned' });
  await refused(rpc.call('author_submitAndWatchExtrinsic', bad), 1012);
  // Far ahead of the account's nonce, so that no block takes it meanwhile.
  const nonce = await nonceOf(api, bob) + 1_000;
  const waiting = sign(api, transfer(), bob, { nonce, tip: 1_000n });
  assert.equal(await submit(waiting.toHex()), waiting.hash.toHex());
  await refused(submit(waiting.toHex()), 1013, { message: 'Transaction Already Imported' });
  const text = 'The transaction has too low priority to replace another transaction already in the pool.';
  for (const tip of [0n, 999n]) {
    const cheaper = sign(api, transfer(2n), bob, { nonce, tip });
    await refused(submit(cheaper.toHex()), 1014, { message: /^Priority is too low: \(\d+ vs \d+\)$/, data: text });
  }
  const same = sign(api, transfer(3n), bob, { nonce, tip: 1_000n });
  await refused(submit(same.toHex()), 1014, { data: text });
});

await check('4003: states of unknown blocks, missing and failing runtime functions', async () => {
  const key = api.query.system.number.key();
  const message = new RegExp(`^Client error: UnknownBlock: .*${UNKNOWN}`);
  for (const [method, ...params] of [
    ['state_getStorage', key], ['state_getStorageHash', key], ['state_getStorageSize', key], ['state_getKeysPaged', '0x', 10, null], ['state_queryStorageAt', [key]],
    ['state_getReadProof', [key]], ['state_call', 'Core_version', '0x'], ['state_getMetadata'], ['state_getRuntimeVersion'],
    ['payment_queryInfo', (await good()).toHex()],
  ]) await refused(rpc.call(method, ...params, UNKNOWN), 4003, { message });
  await refused(rpc.call('state_call', 'Core_nothing', '0x'), 4003, { message: /^Client error: Execution failed: .*Exported method Core_nothing is not found/ });
  await refused(rpc.call('state_call', '', '0x'), 4003, { message: /^Client error: Execution failed: / });
  await refused(rpc.call('state_call', 'AccountNonceApi_account_nonce', '0x01'), 4003, { message: /^Client error: Execution failed: / });
  await refused(rpc.call('state_call', 'Core_execute_block', '0x00'), 4003, { message: /^Client error: Execution failed: / });
  assert.match(await rpc.call('state_call', 'Core_version', '0x'), /^0x/, 'the node goes on');
});

await check('null for headers, blocks and numbers that nobody knows', async () => {
  assert.equal(await rpc.call('chain_getHeader', UNKNOWN), null);
  assert.equal(await rpc.call('chain_getBlock', UNKNOWN), null);
  assert.equal(await rpc.call('chain_getBlockHash', 4_000_000_000), null);
});

await check('4001: ranges of blocks that do not exist; 4002: more keys than a page', async () => {
  const key = api.query.system.number.key();
  const [old, young] = [await rpc.call('chain_getBlockHash', 0), await rpc.call('chain_getBlockHash')];
  const message = /^Cannot resolve a block range /;
  await refused(rpc.call('state_queryStorage', [key], young, old), 4001, { message });
  await refused(rpc.call('state_queryStorage', [key], UNKNOWN, young), 4001, { message });
  await refused(rpc.call('state_queryStorage', [key], old, UNKNOWN), 4001, { message });
  await refused(rpc.call('state_getKeysPaged', '0x', 1_001), 4002, { message: 'count exceeds maximum value. value: 1001, max: 1000' });
});

await check('4003: states that were pruned; their blocks are still there, and an archive keeps them', async () => {
  const message = /^Client error: UnknownBlock: State already discarded for /;
  for (const [pruning, is_kept] of [['16', false], ['archive', true]]) {
    const node = await start([...MANUAL, '--state-pruning', pruning]), seal = await sealer(node.url);
    const old = await seal.block({ finalize: true });
    await seal.blocks(40, { finalize: true });
    const number = api.query.system.number.key(), read = seal.rpc.call('state_getStorage', number, old);
    if (is_kept) assert.equal(await read, '0x01000000'); else await refused(read, 4003, { message });
    if (!is_kept) await refused(seal.rpc.call('state_call', 'Core_version', '0x', old), 4003, { message });
    assert.equal((await seal.rpc.call('chain_getHeader', old)).number, '0x1');
    assert.equal((await seal.rpc.call('chain_getBlock', old)).block.extrinsics.length, 2);
    assert.equal(await seal.rpc.call('chain_getBlockHash', 1), old);
    assert.equal(await seal.rpc.call('chain_getBlockHash', 0), api.genesisHash.toHex());
    await seal.rpc.close();
    await node.stop();
  }
});

await check('errors of every pallet are decoded by name, and change nothing but nonce and fee', async () => {
  const poor = pair(`//Poor${Date.now()}`);
  await include(api, api.tx.balances.transferKeepAlive(poor.address, UNIT * 10n), bob);
  const { balances, channels, anchors, bonds, members, system } = api.tx;
  const value = UNIT * 1_000n;
  const expected = [
    [balances.transferKeepAlive(bob.address, value), 'balances.InsufficientBalance'],
    [balances.transferKeepAlive(nobody.address, 1n), 'balances.ExistentialDeposit'],
    [balances.forceTransfer(bob.address, poor.address, 1n), 'BadOrigin'],
    [balances.transferKeepAlive({ Raw: `0x${'00'.repeat(40)}` }, 1n), 'CannotLookup'],
    [system.setCode('0x00'), 'BadOrigin'],
    [system.remark('0x00'), null],
    [bonds.bond(0n), 'bonds.ZeroAmount'],
    [bonds.unbond(1n), 'bonds.NotBonded'],
    [channels.deposit(4_000_000_000n, 1n), 'channels.UnknownChannel'],
    [anchors.seal(4_000_000_000n, 0), 'anchors.UnknownChannel'],
    [members.vote(4_000_000_000, true), 'members.NotMember'],
  ];
  const before = await api.query.system.account(poor.address);
  let fees = 0n;
  const done = await Promise.all(expected.map(([call], n) => include(api, call, poor, { nonce: before.nonce.toNumber() + n })));
  for (const [n, [call, error]] of expected.entries()) {
    const name = `${call.method.section}.${call.method.method}`;
    assert.equal(done[n].error, error, name);
    assert.equal(done[n].names.at(-1), error ? 'system.ExtrinsicFailed' : 'system.ExtrinsicSuccess', `${name}: the result is the last event`);
    fees += done[n].events.find(event => api.events.transactionPayment.TransactionFeePaid.is(event)).data[1].toBigInt();
  }
  const after = await api.query.system.account(poor.address);
  assert.equal(after.nonce.toNumber(), before.nonce.toNumber() + expected.length);
  assert.equal(before.data.free.toBigInt() - after.data.free.toBigInt(), fees, 'fees are all that was taken');
});

await check('every error of every pallet has a name and a text', () => {
  const pallets = api.runtimeMetadata.asLatest.pallets.filter(({ errors }) => errors.isSome);
  assert(pallets.length >= 7, `${pallets.length} pallets have errors`);
  for (const { name, index, errors } of pallets) {
    const variants = api.registry.lookup.getSiType(errors.unwrap().type).def.asVariant.variants;
    for (const variant of variants) {
      const found = api.registry.findMetaError({ index, error: new Uint8Array([variant.index.toNumber(), 0, 0, 0]) });
      assert.equal(found.name, String(variant.name));
      assert(found.docs.join('').length > 0, `${name}.${found.name} has no text`);
    }
  }
});

await check('unsafe methods are refused where only safe ones are served', async () => {
  const node = await start(['--rpc-methods', 'safe']);
  const safe = await Rpc.connect(node.url);
  const text = 'RPC call is unsafe to be called externally';
  const named = (await safe.call('rpc_methods')).methods;
  const genesis = await safe.call('chain_getBlockHash', 0), seed = blake2AsHex('seed');
  const calls = {
    author_insertKey: ['aura', seed, u8aToHex(bob.publicKey)], author_hasKey: [u8aToHex(bob.publicKey), 'aura'], author_rotateKeys: [],
    author_hasSessionKeys: ['0x00'], author_removeExtrinsic: [[{ Hash: UNKNOWN }]], state_queryStorage: [['0x00'], genesis], system_peers: [],
    system_dryRun: [(await good()).toHex()], system_addReservedPeer: ['/ip4/127.0.0.1/tcp/1'], system_removeReservedPeer: ['x'], system_reservedPeers: [],
    system_addLogFilter: ['a=b'], system_resetLogFilter: [], engine_createBlock: [true, true, null], engine_finalizeBlock: [genesis, null],
  };
  const served = Object.keys(calls).filter(name => named.includes(name));
  assert(served.length >= 4, served.join());
  for (const name of served) await refused(safe.call(name, ...calls[name]), -32601, { message: text });
  await refused(safe.call('author_nothing'), -32601, { message: 'Method not found' });
  assert.equal(await safe.call('system_name'), 'Quire');
  await safe.close();
});

await check('system_dryRun says what would happen, and changes nothing', async () => {
  const nonce = await nonceOf(api, bob);
  const dry = async (options, call) => (await rpc.call('system_dryRun', (await good(options, call)).toHex()));
  assert.equal(await dry({}), '0x0000', 'it would succeed');
  assert.equal(await dry({}, transfer(10n ** 30n)), '0x0001030202000000', 'Balances, InsufficientBalance');
  assert.equal(await dry({ nonce: nonce + 5 }), '0x010002', 'Future');
  assert.equal(await dry({ nonce: Math.max(0, nonce - 1) }), nonce > 0 ? '0x010003' : '0x0000', 'Stale');
  assert.equal(await nonceOf(api, bob), nonce);
});

await end();
