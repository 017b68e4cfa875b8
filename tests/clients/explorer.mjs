// What block explorers and polkadot.js Apps do: derives, whole blocks with every event, metadata, fees, node facts.
import assert from 'node:assert/strict';
import { Metadata, TypeRegistry } from '@polkadot/types';
import { bnToU8a, compactFromU8a, hexToU8a, u8aToHex } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';
import { connect, include, pair, sign, nonceOf, UNIT } from './harness/chain.mjs';
import { Rpc, Stream } from './harness/rpc.mjs';
import { suite } from './harness/suite.mjs';

const { url, check, end } = await suite('explorer');
const api = await connect(url), rpc = await Rpc.connect(url);
const alice = pair('//Alice'), dave = pair('//Dave'), eve = pair('//Eve');
const names = call => `${call.method.section}.${call.method.method}`;

/** The first `count` items of a subscription of @polkadot/api. */
async function take(count, subscribe) {
  const stream = new Stream(), items = [];
  const stop = await subscribe(item => stream.push(item));
  while (items.length < count) items.push(await stream.next(`item ${items.length + 1} of ${count}`));
  stop();
  return items;
}

await check('node facts: names, chain type, roles, properties that agree with the runtime', async () => {
  const { system } = api.rpc;
  const facts = await Promise.all([system.chain(), system.chainType(), system.name(), system.version(), system.nodeRoles()]);
  assert.deepEqual(facts.map(String), ['Quire Development', 'Development', 'Quire', facts[3].toString(), '[Authority]']);
  assert.match(String(facts[3]), /^\d+\.\d+\.\d+/);
  const properties = await system.properties();
  assert.equal(properties.ss58Format.unwrap().toNumber(), api.consts.system.ss58Prefix.toNumber());
  assert.deepEqual([properties.tokenDecimals.unwrap()[0].toNumber(), properties.tokenSymbol.unwrap()[0].toString()], [12, 'QIR']);
  assert.equal(api.registry.chainSS58, 42);
  assert.deepEqual([api.registry.chainDecimals[0], api.registry.chainTokens[0]], [12, 'QIR']);
});

await check('health, peers, sync state, addresses', async () => {
  const { system } = api.rpc;
  const [health, peers, sync, id, addresses] = await Promise.all([
    system.health(), system.peers(), system.syncState(), system.localPeerId(), system.localListenAddresses()]);
  assert.equal(health.peers.toNumber(), peers.length);
  assert.deepEqual([health.isSyncing.isTrue, health.shouldHavePeers.isTrue], [false, false]);
  const best = (await api.rpc.chain.getHeader()).number.toNumber();
  assert(sync.startingBlock.toNumber() <= sync.currentBlock.toNumber() && sync.currentBlock.toNumber() <= best);
  assert(addresses.every(one => String(one).endsWith(`/p2p/${id}`)), `${addresses}`);
});

await check('rpc_methods names what exists: @polkadot/api finds no name that is no method', async () => {
  const { methods } = await rpc.call('rpc_methods');
  assert.deepEqual(methods, [...new Set(methods)], 'each once');
  for (const name of methods.filter(name => !/subscribe|Watch|unwatch|follow|broadcast|createBlock|finalizeBlock|rotateKeys|_stop|_v1/i.test(name))) {
    const error = await rpc.call(name).then(() => null, error => error);
    assert.notEqual(error?.code, -32601, `${name} is listed and not served`);
  }
});

await check('Apps: the first call of the first pallet is its default transaction', async () => {
  const section = Object.keys(api.tx)[0], method = Object.keys(api.tx[section])[0];
  assert.equal(`${section}.${method}`, 'system.remark');
  const { error } = await include(api, api.tx[section][method]('0x01'), dave);
  assert.equal(error, null);
});

await check('derive.chain: heads and blocks as they come, with the account of the author', async () => {
  const heads = await take(3, send => api.derive.chain.subscribeNewHeads(send));
  for (const [n, head] of heads.entries()) {
    assert.equal(String(head.author), alice.address, 'the author, from session.validators of the parent');
    if (n > 0) assert.equal(head.parentHash.toHex(), heads[n - 1].hash.toHex());
  }
  const [block] = await take(1, send => api.derive.chain.subscribeNewBlocks(send));
  assert(block.extrinsics.some(({ extrinsic }) => names(extrinsic) === 'timestamp.set'));
  assert(block.events.length > 0);
  const [finalised] = await take(1, send => api.derive.chain.subscribeFinalizedHeads(send));
  const again = await api.derive.chain.getHeader(finalised.hash);
  assert.equal(again.hash.toHex(), finalised.hash.toHex());
  const byNumber = await api.derive.chain.getBlockByNumber(finalised.number.unwrap());
  assert.equal(byNumber.block.header.hash.toHex(), finalised.hash.toHex());
});

await check('derive.session: the session and its progress, without an era', async () => {
  const [info] = await take(1, send => api.derive.session.info(send));
  assert.equal(info.currentIndex.toNumber(), (await api.query.session.currentIndex()).toNumber());
  const [progress] = await take(1, send => api.derive.session.progress(send));
  assert.equal(progress.activeEra.toNumber(), 0);
  assert.equal(api.derive.staking, undefined, 'nothing is taken for the staking of Substrate');
  const [[who, keys]] = (await api.query.session.nextKeys.entries()).map(([key, keys]) => [key.args[0].toString(), keys.unwrap()]);
  assert.equal(who, alice.address);
  assert.deepEqual((await api.query.session.queuedKeys()).toJSON(), [[who, keys.toJSON()]]);
  assert.equal((await api.query.session.keyOwner(['aura', keys.aura.toHex()])).unwrap().toString(), who);
});

await check('derive.chain: best, final, and the lag between them', async () => {
  const [best] = await take(1, send => api.derive.chain.bestNumber(send));
  const [final] = await take(1, send => api.derive.chain.bestNumberFinalized(send));
  const [lag] = await take(1, send => api.derive.chain.bestNumberLag(send));
  assert(best.toNumber() >= final.toNumber() - 1 && lag.toNumber() >= 0 && lag.toNumber() < 10, `${best} ${final} ${lag}`);
});

await check('finalised heads come in order, each once, and stay what they were', async () => {
  const heads = await take(4, send => api.rpc.chain.subscribeFinalizedHeads(send));
  for (const [n, head] of heads.entries()) {
    if (n > 0) assert.equal(head.number.toNumber(), heads[n - 1].number.toNumber() + 1);
    if (n > 0) assert.equal(head.parentHash.toHex(), heads[n - 1].hash.toHex());
    assert.equal((await api.rpc.chain.getBlockHash(head.number.unwrap())).toHex(), head.hash.toHex());
  }
});

await check('derive.balances and derive.accounts', async () => {
  const all = await api.derive.balances.all(dave.address);
  const { data, nonce } = await api.query.system.account(dave.address);
  assert.equal(all.freeBalance.toBigInt(), data.free.toBigInt());
  assert.equal(all.accountNonce.toNumber(), nonce.toNumber());
  const available = (all.transferable ?? all.availableBalance).toBigInt();
  assert(available > 0n && available <= data.free.toBigInt());
  const account = await api.derive.balances.account(dave.address);
  assert.equal(account.freeBalance.toBigInt(), data.free.toBigInt());
  const [voting] = await api.derive.balances.votingBalances([dave.address]);
  assert.equal(voting.freeBalance.toBigInt(), data.free.toBigInt());
  const info = await api.derive.accounts.info(dave.address);
  assert.equal(String(info.accountId), dave.address);
});

await check('derive.tx: signing info and the events of a transfer', async () => {
  const info = await api.derive.tx.signingInfo(dave.address);
  assert.equal(info.nonce.toNumber(), await nonceOf(api, dave));
  // Five minutes of blocks, and five more: what @polkadot/api takes for a mortal transaction.
  assert(info.mortalLength > 5 && info.mortalLength <= api.consts.system.blockHashCount.toNumber(), String(info.mortalLength));
  const { block } = await include(api, api.tx.balances.transferKeepAlive(eve.address, 1n), dave);
  const { events } = await api.derive.tx.events(block);
  assert(events.some(({ event }) => api.events.balances.Transfer.is(event) && event.data.amount.toBigInt() === 1n));
});

await check('fees: what was announced is what was taken, tip apart', async () => {
  const call = api.tx.balances.transferKeepAlive(eve.address, UNIT);
  const info = await call.paymentInfo(dave);
  const signed = sign(api, call, dave, { nonce: await nonceOf(api, dave), tip: 7n });
  const [legacy, details, byCall] = await Promise.all([
    rpc.call('payment_queryInfo', signed.toHex()), rpc.call('payment_queryFeeDetails', signed.toHex()),
    api.call.transactionPaymentApi.queryInfo(signed.toU8a(), signed.encodedLength)]);
  const { baseFee, lenFee, adjustedWeightFee } = details.inclusionFee;
  assert.equal(BigInt(baseFee) + BigInt(lenFee) + BigInt(adjustedWeightFee), BigInt(legacy.partialFee));
  assert.deepEqual([legacy.class, legacy.weight.ref_time], ['normal', byCall.weight.refTime.toNumber()]);
  assert.equal(byCall.partialFee.toBigInt(), BigInt(legacy.partialFee));
  const taken = await include(api, call, dave, { tip: 7n });
  const paid = taken.events.find(event => api.events.transactionPayment.TransactionFeePaid.is(event)).data;
  assert.equal(paid.tip.toBigInt(), 7n);
  assert.equal(paid.actualFee.toBigInt(), BigInt(legacy.partialFee) + 7n);
  // An estimate is made before the tip and the era are known: their bytes may be missing in it.
  const bytesApart = info.partialFee.toBigInt() - BigInt(legacy.partialFee);
  const perByte = BigInt(lenFee) / BigInt(signed.encodedLength);
  assert(bytesApart <= 8n * perByte && bytesApart >= -8n * perByte, `${bytesApart}`);
});

await check('the runtime version: asked, subscribed, as a constant and by a call', async () => {
  const [subscribed] = await take(1, send => api.rpc.state.subscribeRuntimeVersion(send));
  const asked = await api.rpc.state.getRuntimeVersion();
  const called = await api.call.core.version();
  const shown = version => [version.specName, version.specVersion, version.transactionVersion, version.apis.length].map(String);
  for (const other of [subscribed, called, api.consts.system.version]) assert.deepEqual(shown(other), shown(asked));
  const raw = await rpc.call('state_getRuntimeVersion');
  assert.equal(raw.stateVersion, 1);
  assert.equal(raw.systemVersion, raw.stateVersion);
});

/** Every block from 1 to the best is decoded; what a client makes of it must encode to the same bytes. */
await check('every extrinsic and every event of every block decodes, and encodes to the same bytes', async () => {
  const best = (await api.rpc.chain.getHeader()).number.toNumber();
  const from = Math.max(1, best - 250);
  let extrinsics = 0, events = 0;
  for (let number = from; number <= best; number++) {
    const hash = await rpc.call('chain_getBlockHash', number);
    const [{ block: raw }, at] = await Promise.all([rpc.call('chain_getBlock', hash), api.at(hash)]);
    const header = api.registry.createType('Header', raw.header);
    assert.equal(header.hash.toHex(), hash, `header of block ${number}`);
    const records = await at.query.system.events();
    assert.equal(u8aToHex(records.toU8a()), await rpc.call('state_getStorage', at.query.system.events.key(), hash), `events of block ${number}`);
    for (const [index, hex] of raw.extrinsics.entries()) {
      assert.equal(api.registry.createType('Extrinsic', hexToU8a(hex), { isSigned: false }).toHex(), hex, `extrinsic ${number}-${index}`);
      const own = records.filter(({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.eqn(index)).map(({ event }) => event);
      const results = own.filter(event => api.events.system.ExtrinsicSuccess.is(event) || api.events.system.ExtrinsicFailed.is(event));
      assert.equal(results.length, 1, `one result of extrinsic ${number}-${index}`);
      assert.equal(results[0], own.at(-1), `the result is the last event of extrinsic ${number}-${index}`);
    }
    extrinsics += raw.extrinsics.length;
    events += records.length;
  }
  assert(extrinsics > best - from && events > best - from, `${extrinsics} extrinsics, ${events} events`);
});

await check('every storage item answers: plain ones decode, maps can be walked', async () => {
  const at = await api.at(await api.rpc.chain.getFinalizedHead());
  let items = 0;
  for (const [section, entries] of Object.entries(at.query)) {
    if (section === 'substrate') continue;
    for (const [name, entry] of Object.entries(entries)) {
      if (!entry.creator.meta) continue;
      const what = `${section}.${name}`;
      const isMap = entry.creator.meta.type.isMap;
      const value = isMap ? await entry.entriesPaged({ args: [], pageSize: 20 }) : await entry();
      assert(value !== undefined, what);
      items++;
    }
  }
  assert(items > 30, `${items} items`);
});

await check('every constant decodes', () => {
  const all = Object.values(api.consts).flatMap(section => Object.values(section));
  assert(all.length > 10 && all.every(one => one.toHex().startsWith('0x') && one.meta.docs.length > 0));
});

const decode = (hex, registry = new TypeRegistry()) => new Metadata(registry, hex);
const asked = version => u8aToHex(bnToU8a(version, { bitLength: 32, isLe: true }));
const versions = {};

await check('metadata: 14, 15 and 16 by the runtime, 14 by the old method, nothing else', async () => {
  assert.deepEqual((await api.call.metadata.metadataVersions()).map(Number), [14, 15, 16]);
  for (const version of [14, 15, 16]) {
    const [some, ...opaque] = hexToU8a(await rpc.call('state_call', 'Metadata_metadata_at_version', asked(version)));
    assert.equal(some, 1);
    const [prefix, length] = compactFromU8a(opaque);
    assert.equal(opaque.length, prefix + length.toNumber());
    versions[version] = u8aToHex(new Uint8Array(opaque.slice(prefix)));
    const metadata = decode(versions[version]);
    assert.equal(metadata.version, version);
    assert.deepEqual(metadata.asLatest.pallets.map(one => String(one.name)), api.runtimeMetadata.asLatest.pallets.map(one => String(one.name)));
  }
  for (const version of [0, 13, 17, 4_294_967_295]) assert.equal(await rpc.call('state_call', 'Metadata_metadata_at_version', asked(version)), '0x00', String(version));
  assert.equal(await rpc.call('state_getMetadata'), versions[14]);
});

await check('metadata: the three versions tell the same calls, events, errors, storage and constants', () => {
  const told = version => decode(versions[version]).asLatest.pallets.map(pallet => JSON.stringify({
    name: pallet.name, index: pallet.index, constants: pallet.constants.map(one => [one.name, one.value.toHex()]),
    storage: pallet.storage.isSome ? pallet.storage.unwrap().items.map(one => [one.name, one.fallback.toHex(), one.docs]) : [],
  }));
  for (const version of [15, 16]) assert.deepEqual(told(version), told(14), `version ${version}`);
  const byVersion = Object.values(versions).map(hex => {
    const registry = new TypeRegistry();
    const metadata = decode(hex, registry);
    registry.setMetadata(metadata);
    const variants = type => type.isSome ? registry.lookup.getSiType(type.unwrap().type).def.asVariant.variants.map(one => [String(one.name), one.fields.length, one.docs.join()]) : [];
    return metadata.asLatest.pallets.map(pallet => [String(pallet.name), variants(pallet.calls), variants(pallet.events), variants(pallet.errors)]);
  });
  assert.deepEqual(byVersion[1], byVersion[0]);
  assert.deepEqual(byVersion[2], byVersion[0]);
});

await check('metadata: every call, argument, event, error, storage item and constant explains itself', () => {
  const silent = [];
  const { lookup } = api.registry;
  for (const pallet of api.runtimeMetadata.asLatest.pallets) {
    for (const kind of ['calls', 'events', 'errors']) {
      if (pallet[kind].isNone) continue;
      for (const variant of lookup.getSiType(pallet[kind].unwrap().type).def.asVariant.variants) {
        const what = `${pallet.name}.${variant.name}`;
        if (variant.docs.join('').trim() === '') silent.push(`${kind} ${what}`);
        for (const field of kind === 'calls' ? variant.fields : []) {
          if (field.name.isNone || field.typeName.isNone) silent.push(`an argument of ${what} has no name or type name`);
        }
      }
    }
    const items = [...(pallet.storage.isSome ? pallet.storage.unwrap().items : []), ...pallet.constants];
    for (const item of items) if (item.docs.join('').trim() === '') silent.push(`${pallet.name}.${item.name}`);
  }
  assert.deepEqual(silent, []);
});

await check('the code in the state is the runtime that is told', async () => {
  const code = await rpc.call('state_getStorage', '0x3a636f6465');
  assert(code.startsWith('0x0061736d'), 'plain Wasm');
  assert.equal(await rpc.call('state_getStorageHash', '0x3a636f6465'), blake2AsHex(hexToU8a(code)));
});

await end();
