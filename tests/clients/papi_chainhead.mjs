// The new JSON-RPC API as polkadot-api uses it, and the promises of chainHead seen on the wire.
import assert from 'node:assert/strict';
import { blake2AsHex } from '@polkadot/util-crypto';
import { createClient as createSubstrateClient } from '@polkadot-api/substrate-client';
import { createClient, Enum } from 'polkadot-api';
import { getPolkadotSigner } from 'polkadot-api/signer';
import { getWsProvider } from 'polkadot-api/ws';
import { WebSocket } from 'ws';
import { pair } from './harness/chain.mjs';
import { Rpc, Stream } from './harness/rpc.mjs';
import { suite } from './harness/suite.mjs';

const { url, check, end } = await suite('papi_chainhead');
const NEW = /^(rpc_methods|(chainHead|chainSpec|transaction|transactionWatch|archive)_v1_\w+)$/;
const BOB = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty';
const alice = pair('//Alice');
const signer = getPolkadotSigner(alice.publicKey, 'Sr25519', bytes => alice.sign(bytes));

// Every method that polkadot-api sends.
const sent = new Set();
const logger = ({ type, msg }) => type === 'OUT' && sent.add(JSON.parse(msg).method);
const client = createClient(getWsProvider(url, { websocketClass: WebSocket, logger }));
const api = client.getUnsafeApi();

/** A stream of what an observable emits. */
function stream(observable) {
  const items = new Stream();
  items.stop = observable.subscribe({ next: item => items.push(item), error: why => items.end(why) });
  return items;
}

await check('connects, reads storage, constants and every entry of a map', async () => {
  const { name, genesisHash, properties } = await client.getChainSpecData();
  assert.match(genesisHash, /^0x[0-9a-f]{64}$/);
  assert.equal(typeof name, 'string');
  assert.equal(properties.tokenSymbol, 'QIR');
  assert((await api.query.System.Account.getValue(alice.address)).data.free > 0n);
  assert((await api.constants.System.Version()).spec_version > 0);
  const { hash: at } = await client.getFinalizedBlock();
  const entries = await api.query.System.Account.getEntries({ at });
  const sum = entries.reduce((sum, { value: { data } }) => sum + data.free + data.reserved, 0n);
  assert(entries.length >= 2);
  assert.equal(sum, await api.query.Balances.TotalIssuance.getValue({ at }));
});

await check('follows best and finalised blocks without gaps', async () => {
  const best = stream(client.bestBlocks$), final = stream(client.finalizedBlock$);
  let last;
  for (let n = 0; n < 4; n++) {
    const block = await final.next('finalised block');
    if (last) assert.deepEqual([block.number, block.parent], [last.number + 1, last.hash]);
    last = block;
  }
  const chain = await best.until(blocks => blocks.at(-1).number >= last.number, 'best chain');
  chain.slice(1).forEach((block, n) => assert.equal(block.hash, chain[n].parent));
  best.stop.unsubscribe();
  final.stop.unsubscribe();
});

await check('watches a storage value through its change', async () => {
  const values = stream(api.query.System.Number.watchValue());
  const [one, two] = [await values.next(), await values.next()].map(item => item.value ?? item);
  assert(two > one, `${one} then ${two}`);
  values.stop.unsubscribe();
});

await check('calls the runtime, at the head and at an older block', async () => {
  const nonce = await api.apis.AccountNonceApi.account_nonce(alice.address);
  assert.equal(typeof nonce, 'number');
  const { hash, number } = await client.getFinalizedBlock();
  const version = await api.apis.Core.version({ at: hash });
  assert.equal(version.spec_name, (await api.constants.System.Version()).spec_name);
  assert.equal(await api.query.System.Number.getValue({ at: hash }), number);
  const body = await client.getBlockBody(hash);
  assert(body.length >= 1, 'at least the timestamp');
});

await check('signs, submits and watches transfers to finality; a failing one is decoded', async () => {
  const tx = api.tx.Balances.transfer_keep_alive({ dest: Enum('Id', BOB), value: 10n ** 12n });
  const seen = stream(tx.signSubmitAndWatch(signer));
  const events = [];
  while (events.at(-1)?.type !== 'finalized') events.push(await seen.next('event of the transaction'));
  const kinds = events.map(event => event.type);
  assert.deepEqual(kinds.slice(0, 2), ['signed', 'broadcasted']);
  assert(events.some(event => event.type === 'txBestBlocksState' && event.found), `in a best block: ${kinds}`);
  assert.equal(events.at(-1).ok, true);
  const { block, events: emitted } = events.at(-1);
  assert(emitted.some(event => event.type === 'Balances' && event.value.type === 'Transfer'));
  assert.equal(blake2AsHex((await client.getBlockBody(block.hash))[block.index]), events.at(-1).txHash);
  const poor = api.tx.Balances.transfer_keep_alive({ dest: Enum('Id', BOB), value: 10n ** 30n });
  const { ok, dispatchError } = await poor.signAndSubmit(signer);
  assert.deepEqual([ok, dispatchError.value.type, dispatchError.value.value.type], [false, 'Balances', 'InsufficientBalance']);
});

await check('polkadot-api sent nothing but methods of the new API', () => {
  assert.deepEqual([...sent].filter(method => !NEW.test(method)), []);
  const used = ['chainHead_v1_follow', 'chainHead_v1_storage', 'chainHead_v1_call', 'chainHead_v1_body', 'chainHead_v1_unpin',
    'transaction_v1_broadcast', 'chainSpec_v1_genesisHash'];
  assert.deepEqual(used.filter(method => !sent.has(method)), []);
});
client.destroy();

await check('a failing runtime call is an error at once, of the head and of the archive', async () => {
  const raw = createSubstrateClient(getWsProvider(url, { websocketClass: WebSocket }));
  const hash = await new Promise((found, failed) => {
    raw.head = raw.chainHead(true, event => event.type === 'initialized' && found(event.finalizedBlockHashes.at(-1)), failed);
  });
  const late = new Promise((_, fail) => setTimeout(() => fail(new Error('no answer in 5 s')), 5_000).unref());
  const call = (name, bytes) => Promise.race([raw.head.call(hash, name, bytes), late]);
  await assert.rejects(call('TransactionPaymentApi_query_info', '0x00'), { name: 'OperationError' });
  await assert.rejects(call('Nothing_at_all', '0x'), /Nothing_at_all/);
  assert.match(await call('Core_version', '0x'), /^0x/);
  await assert.rejects(Promise.race([raw.archive.call(hash, 'Nothing_at_all', '0x'), late]), /Nothing_at_all/);
  raw.head.unfollow();
  raw.destroy();
});

const rpc = await Rpc.connect(url);
const follow = async withRuntime => rpc.subscribe('chainHead_v1_follow', 'chainHead_v1_followEvent', withRuntime);

/** Starts an operation and gives all its events. */
async function operation(follow, method, ...params) {
  const { result, operationId } = await rpc.call(`chainHead_v1_${method}`, follow.id, ...params);
  assert.equal(result, 'started');
  const events = [];
  for (;;) {
    const event = await follow.until(event => event.operationId === operationId, `event of ${method}`);
    events.push(event);
    if (event.event === 'operationWaitingForContinue') await rpc.call('chainHead_v1_continue', follow.id, operationId);
    else if (event.event !== 'operationStorageItems') return events;
  }
}

await check('events on the wire keep every promise for five final blocks', async () => {
  const head = await follow(true);
  const first = await head.next();
  assert.equal(first.event, 'initialized');
  assert.equal(first.finalizedBlockRuntime.type, 'valid');
  assert(!Array.isArray(first.finalizedBlockRuntime.spec.apis), 'APIs are a map');
  let top = first.finalizedBlockHashes.at(-1), best;
  const waiting = new Map();
  for (let final = 0; final < 5;) {
    const event = await head.next('follow event');
    if (event.event === 'newBlock') {
      assert(event.parentBlockHash === top || waiting.has(event.parentBlockHash), 'the parent came before');
      assert.equal(event.newRuntime, null);
      waiting.set(event.blockHash, event.parentBlockHash);
    } else if (event.event === 'bestBlockChanged') {
      best = event.bestBlockHash;
      assert(best === top || waiting.has(best), 'the best block was reported');
    } else {
      assert.equal(event.event, 'finalized');
      for (const hash of event.finalizedBlockHashes) {
        assert.equal(waiting.get(hash), top, 'no gap');
        waiting.delete(hash);
        top = hash;
        final += 1;
      }
      event.prunedBlockHashes.forEach(hash => assert(waiting.delete(hash)));
      assert(best === top || waiting.has(best), 'the best block is not below the finalised one');
    }
  }
  await rpc.call('chainHead_v1_unfollow', head.id);
});

await check('storage: values, hashes, Merkle values and whole maps agree with the state root and the legacy answers', async () => {
  const head = await follow(false);
  const { finalizedBlockHashes } = await head.next();
  const hash = finalizedBlockHashes.at(-1);
  const { stateRoot } = await rpc.call('chain_getHeader', hash);
  const [account, code] = ['0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9', '0x3a636f6465'];
  const keys = await rpc.call('state_getKeysPaged', account, 1_000, null, hash);
  const items = [
    { key: keys[0], type: 'value' }, { key: '0xdead', type: 'value' }, { key: code, type: 'hash' },
    { key: '0x', type: 'closestDescendantMerkleValue' }, { key: '0xdeadbeef', type: 'closestDescendantMerkleValue' },
    { key: account, type: 'descendantsHashes' },
  ];
  const events = await operation(head, 'storage', hash, items, null);
  assert.equal(events.at(-1).event, 'operationStorageDone');
  const found = events.flatMap(event => event.items ?? []);
  assert.deepEqual(found.slice(0, 3), [
    { key: keys[0], value: await rpc.call('state_getStorage', keys[0], hash) },
    { key: code, hash: await rpc.call('state_getStorageHash', code, hash) },
    { key: '0x', closestDescendantMerkleValue: stateRoot },
  ]);
  assert.deepEqual(found.slice(3, 3 + keys.length).map(item => item.key), keys);
  assert.equal(found[3].hash, blake2AsHex(found[0].value));
  const [body] = await operation(head, 'body', hash);
  assert.deepEqual(body.value, await rpc.call('archive_v1_body', hash));
  assert.equal(await rpc.call('chainHead_v1_header', head.id, hash), await rpc.call('archive_v1_header', hash));
  assert.equal(blake2AsHex(await rpc.call('archive_v1_header', hash)), hash);
  await rpc.call('chainHead_v1_unfollow', head.id);
});

await check('the whole state in one operation comes in pages, each key once and in order', async () => {
  const head = await follow(false);
  const hash = (await head.next()).finalizedBlockHashes.at(-1);
  const events = await operation(head, 'storage', hash, [{ key: '0x', type: 'descendantsValues' }], null);
  const pages = events.filter(event => event.items), keys = pages.flatMap(page => page.items.map(item => item.key));
  assert(pages.length > 1, `${keys.length} keys in ${pages.length} pages`);
  assert.deepEqual(keys, [...new Set(keys)].sort());
  assert(keys.includes('0x3a636f6465'), ':code is there');
  await rpc.call('chainHead_v1_unfollow', head.id);
});

await check('archive: one hash for every final height, storage as a stream', async () => {
  const height = await rpc.call('archive_v1_finalizedHeight');
  const [genesis, top, none] = await Promise.all([0, height, height + 1_000].map(n => rpc.call('archive_v1_hashByHeight', n)));
  assert.deepEqual([genesis, top.length, none], [[await rpc.call('archive_v1_genesisHash')], 1, []]);
  const events = await rpc.subscribe('archive_v1_storage', 'archive_v1_storageEvent', genesis[0], [{ key: '0x3a636f6465', type: 'hash' }], null);
  assert.equal((await events.next()).hash, await rpc.call('state_getStorageHash', '0x3a636f6465', genesis[0]));
  assert.deepEqual(await events.next(), { event: 'storageDone' });
});

await end();
