// smoldot over real sockets: it follows best and final heads, calls the runtime and reads storage with proofs, from the
// first block, across a change of the voters, and from a hundred blocks behind. Slots and sessions are short, so that all of
// it happens in time.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connect, include, pair } from './harness/chain.mjs';
import { LightClient, withBootNode } from './harness/light.mjs';
import { Rpc } from './harness/rpc.mjs';
import { suite } from './harness/suite.mjs';

const SLOT_MS = 250;
const SESSION_SLOTS = 12;
const BEHIND = 100;

const { check, end, start, binary } = await suite('light_client', { own: 'none' });
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quire-light-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
const quire = (...args) => execFileSync(binary, args, { encoding: 'utf8', maxBuffer: 64 << 20, stdio: ['ignore', 'pipe', 'ignore'] });
const plain = JSON.parse(quire('build-spec', '--chain', 'dev'));
const config = plain.genesis.runtimeGenesis.config;
config.slotDurationMs = SLOT_MS;
config.session.lengthSlots = SESSION_SLOTS;
fs.writeFileSync(`${folder}/plain.json`, JSON.stringify(plain));
const raw = quire('build-spec', '--chain', `${folder}/plain.json`, '--raw');
fs.writeFileSync(`${folder}/raw.json`, raw);

const node = await start(['--chain', `${folder}/raw.json`, '--listen-addr', '/ip4/127.0.0.1/tcp/0/ws']);
const rpc = await Rpc.connect(node.url);
const spec = withBootNode(raw, await rpc.call('system_localListenAddresses'));
const heightOf = async hash => Number((await rpc.call('chain_getHeader', hash)).number);
const finalHeight = async () => heightOf(await rpc.call('chain_getFinalizedHead'));
const NUMBER = '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac';

/** Follows a client until `count` final and as many best heads came, and compares them with the node's. */
async function follows(light, count) {
  const first = await light.events.until(event => event.event === 'initialized', 'first event', 50_000);
  let [best, final] = [0, []];
  while (best < count || final.length < count) {
    const event = await light.events.next('head', 30_000);
    assert.notEqual(event.event, 'stop', 'the client lost track');
    if (event.event === 'bestBlockChanged') best++;
    if (event.event === 'finalized') final.push(...event.finalizedBlockHashes);
  }
  for (const hash of final) assert.equal(await rpc.call('chain_getBlockHash', await heightOf(hash)), hash, 'its final head is ours');
  return { first: first.finalizedBlockHashes.at(-1), last: final.at(-1) };
}

/** What the client proves for itself is what the node says. */
async function agrees(light, block) {
  assert.equal(await light.runtime(block, 'Core_version'), await rpc.call('state_call', 'Core_version', '0x', block));
  assert.equal(await light.value(block, NUMBER), await rpc.call('state_getStorage', NUMBER, block));
  assert.equal(await light.value(block, '0x1234'), null, 'what is absent is proved as well');
}

async function withClient(body) {
  const light = await LightClient.connect(spec);
  try {
    await body(light);
  } catch (error) {
    error.message += `\n--- the light client's last lines\n${light.log.slice(-12).join('\n')}`;
    throw error;
  } finally {
    await light.stop();
  }
}

await check('a client follows best and final heads, and its calls and reads are proved', () => withClient(async light => {
  assert.equal(await light.call('chainSpec_v1_genesisHash'), await rpc.call('chain_getBlockHash', 0));
  const { last } = await follows(light, 6);
  await agrees(light, last);
}));

let changed;
await check('a client follows across a change of the voters', () => withClient(async light => {
  await follows(light, 2);
  const setAt = hash => rpc.call('state_call', 'GrandpaApi_current_set_id', '0x', ...hash ? [hash] : []);
  const before = await setAt();
  const api = await connect(node.url);
  const { error } = await include(api, api.tx.session.setKeys(await rpc.call('author_rotateKeys'), '0x'), pair('//Alice'));
  await api.disconnect();
  assert.equal(error, null);
  // Two sessions later the new keys seal and vote.
  while (changed === undefined) {
    const { finalizedBlockHashes } = await light.events.until(event => event.event === 'finalized', 'final head', 20_000);
    const hash = finalizedBlockHashes.at(-1);
    if (await setAt(hash) !== before) changed = await heightOf(hash);
  }
  const { last } = await (async () => {
    for (let count = 0; ;) {
      const event = await light.events.next('head by the new voters', 20_000);
      assert.notEqual(event.event, 'stop', 'the client lost track');
      if (event.event === 'finalized' && ++count > 4) return { last: event.finalizedBlockHashes.at(-1) };
    }
  })();
  assert((await heightOf(last)) > changed, 'blocks above the change are final for the client');
  await agrees(light, last);
}));

await check(`a client that starts ${BEHIND} blocks behind, and behind the change, follows as well`, async () => {
  const heads = await rpc.subscribe('chain_subscribeFinalizedHeads', 'chain_finalizedHead');
  await heads.until(head => Number(head.number) >= BEHIND, `final block ${BEHIND}`, 40_000);
  await withClient(async light => {
    const { first, last } = await follows(light, 4);
    assert((await heightOf(first)) >= Math.max(changed, BEHIND - 32), `it starts at block ${await heightOf(first)} by a proof of finality`);
    await agrees(light, last);
  });
});

await end();
