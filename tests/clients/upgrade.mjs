// The forkless upgrade as a client sees it: connected before, it uses the new call after, and reads why broken code was
// refused. Needs a node of its own, because its chain changes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { u8aToHex } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';
import { connect, include, pair } from './harness/chain.mjs';
import { Stream } from './harness/rpc.mjs';
import { suite } from './harness/suite.mjs';

const { url, check, end } = await suite('upgrade', { own: [] });
const fixture = readFileSync(new URL('../../runtime/wasm/upgrade_fixture.wasm', import.meta.url));
const api = await connect(url);
const alice = pair('//Alice');
const old = api.runtimeVersion.specVersion.toNumber();
const explain = () => api._rpcCore.provider.send('quire_explainUpgrade', []);

// What happens to the open upgrade, block by block, and every version that the node tells.
const states = new Stream(), versions = new Stream();
await api.query.upgrade.current(current => { if (current.isSome) states.push(current.unwrap()); });
await api.rpc.state.subscribeRuntimeVersion(version => versions.push(version.specVersion.toNumber()));
const until = (what, ms = 25_000) => states.until(({ state }) => state[`is${what}`], what, ms);

/** Offers code by a motion of the only member; the events of the motion's block. */
const offer = code => include(api, api.tx.members.propose(api.tx.system.setCode(u8aToHex(code))), alice);

/** The code without one entry point: another letter in the name of an export. */
function without(entry, code) {
  const wasm = new Uint8Array(code);
  const name = Buffer.concat([Buffer.from([entry.length]), Buffer.from(entry), Buffer.from([0])]);
  const at = Buffer.from(code).indexOf(name);
  assert(at > 0, `${entry} is exported`);
  wasm[at + entry.length] = 'X'.charCodeAt(0);
  return wasm;
}

await check('a motion that offers what is no later runtime fails with an error by name', async () => {
  const current = await api.rpc.state.getStorage('0x3a636f6465');
  for (const [code, name] of [[current.unwrap().toU8a(true), 'SpecVersionNeedsToIncrease'], [new Uint8Array(9), 'FailedToExtractRuntimeVersion']]) {
    const { events } = await offer(code);
    const [, result] = events.find(event => api.events.members.Executed.is(event)).data;
    assert.equal(api.registry.findMetaError(result.asErr.asModule).name, name);
  }
  assert.equal(await explain(), null, 'nothing was ever open');
});

await check('broken code is refused, and the reason can be read from storage, events and RPC', async () => {
  const broken = without('Core_execute_block', fixture);
  const { events } = await offer(broken);
  const offered = events.find(event => api.events.upgrade.Offered.is(event)).data;
  assert.equal(offered.codeHash.toHex(), blake2AsHex(broken));
  const { state } = await until('Refused');
  const [[, verdict]] = await api.query.upgrade.verdicts.entries();
  assert.match(verdict.unwrap().asRefuse.reason.toString(), /does not export the entry point Core_execute_block/);
  const at = await api.rpc.chain.getBlockHash(state.asRefused.at);
  const records = await (await api.at(at)).query.system.events();
  const attested = records.map(({ event }) => event).find(event => api.events.upgrade.Attested.is(event));
  assert.match(attested.data.verdict.asRefuse.reason.toString(), /Core_execute_block/);
  const explained = await explain();
  assert.equal(explained.state, 'refused');
  assert.match(explained.explanation, /refused for good .* Core_execute_block/);
  assert.equal((await api.query.upgrade.pendingCode()).isNone, true);
  assert.equal((await api.rpc.state.getRuntimeVersion()).specVersion.toNumber(), old);
});

let enacted;
await check('good code is attested, scheduled and enacted at its height', async () => {
  assert.equal(api.tx.fixture, undefined, 'the old runtime has no such call');
  const decorated = new Promise(done => api.once('decorated', done));
  await offer(fixture);
  const scheduled = (await until('Scheduled')).state.asScheduled.at.toNumber();
  assert.equal((await explain()).at, scheduled);
  enacted = (await until('Enacted')).state.asEnacted.at.toNumber();
  assert.equal(enacted, scheduled);
  await decorated;
  const header = await api.rpc.chain.getHeader(await api.rpc.chain.getBlockHash(enacted));
  assert(header.digest.logs.some(log => log.isRuntimeEnvironmentUpdated), 'the digest says so');
  const events = await (await api.at(header.hash)).query.system.events();
  assert(events.some(({ event }) => api.events.system.CodeUpdated.is(event)), 'and System.CodeUpdated');
});

await check('the connected client has the new call by itself, and uses it', async () => {
  assert.equal(api.runtimeVersion.specVersion.toNumber(), old + 1);
  const { names, events, error } = await include(api, api.tx.fixture.note('hello'), alice);
  assert.equal(error, null);
  assert(names.includes('fixture.Noted'), names.join());
  const noted = events.find(event => api.events.fixture.Noted.is(event)).data;
  assert.equal(noted.text.toUtf8(), 'hello');
  assert.equal((await api.query.fixture.notes()).toNumber(), 1);
  assert.equal((await api.query.fixture.migratedAt()).unwrap().toNumber(), enacted + 1);
  const last = (await api.query.system.lastRuntimeUpgrade()).unwrap();
  assert.equal(last.specVersion.toNumber(), old + 1);
});

await check('the version was told once before and once after', async () => {
  assert.deepEqual(versions.seen, [old, old + 1]);
});

await check('old blocks still answer from the old runtime', async () => {
  for (const number of [0, 1, enacted - 1]) {
    const hash = await api.rpc.chain.getBlockHash(number);
    assert.equal((await api.rpc.state.getRuntimeVersion(hash)).specVersion.toNumber(), old);
    assert.equal((await api.at(hash)).query.fixture, undefined, `block ${number}`);
  }
  const hash = await api.rpc.chain.getBlockHash(enacted);
  assert.equal((await api.rpc.state.getRuntimeVersion(hash)).specVersion.toNumber(), old + 1);
});

await api.disconnect();
await end();
