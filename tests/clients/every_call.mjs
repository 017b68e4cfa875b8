// Every call of the metadata, made once with arguments that succeed and, where it has a size, once at a large one: what an
// explorer's form can send, the chain carries out. What is an inherent is refused to everybody by its name.
//
// On a folder that is kept (BASE=./folder) `quire bench weights --dev -d ./folder` then shows what each of them costs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { encodeMultiAddress, sortAddresses } from '@polkadot/util-crypto';
import { u8aToHex } from '@polkadot/util';
import { connect, errorName, fund, include, nonceOf, pair, refused, sign, UNIT } from './harness/chain.mjs';
import { suite } from './harness/suite.mjs';

const base = process.env.BASE ? ['--base-path', process.env.BASE] : [];
const { url, check, end } = await suite('every_call', { own: ['--sealing', 'instant', ...base] });
const api = await connect(url);
const { anchors, balances, channels, members, multisig, proxy, bonds, system, upgrade, utility } = api.tx;
const [alice, bob, charlie] = ['Alice', 'Bob', 'Charlie'].map(name => pair(`//${name}`));
const crowd = Array.from({ length: 16 }, (_, index) => pair(`//Crowd/${index}`));
const WEIGHT = { refTime: 2_000_000_000, proofSize: 1_000_000 };
const made = new Set();
const program = u8aToHex(readFileSync(new URL('../../runtime/programs/rtb/rtb.wasm', import.meta.url)));

const name = call => `${call.method.section}.${call.method.method}`;
/** Every call inside a call counts as made. */
function note(call) {
  made.add(`${call.section}.${call.method}`);
  for (const arg of call.args) for (const inner of Array.isArray(arg) ? arg : [arg]) if (inner?.section && inner?.method) note(inner);
}
async function good(call, who = alice) {
  note(call.method);
  const done = await include(api, call, who);
  assert.equal(done.error, null, name(call));
  return done;
}
async function bad(call, who, error) {
  note(call.method);
  assert.equal((await include(api, call, who)).error, error, name(call));
}
/** As Root: the motion of the only member passes at once; a second member, while there is one, votes and executes. */
async function root(call, second) {
  let done = await good(members.propose(call));
  if (second) {
    const { motion } = found(done, api.events.members.Proposed);
    await good(members.vote(motion, true), second);
    done = await good(members.execute(motion), second);
  }
  const { result } = found(done, api.events.members.Executed);
  assert.equal(result.isOk ? null : errorName(api, result.asErr), null, name(call));
}
const found = (done, type) => done.events.find(event => type.is(event))?.data;
const key = index => u8aToHex(new Uint8Array(32).fill(index + 1));

await check('accounts with money', async () => {
  await fund(api, alice, crowd.map(one => [one.address, 30_000n * UNIT]));
});

await check('System and Balances, the calls of Root by motion', async () => {
  await good(system.remark('0x00'));
  await good(system.remark(`0x${'ab'.repeat(60_000)}`));
  await good(system.remarkWithEvent('0x00'));
  await good(system.remarkWithEvent(`0x${'ab'.repeat(60_000)}`));
  await root(system.setHeapPages(2048));
  const items = Array.from({ length: 100 }, (_, index) => [`0x71756972650a${index.toString(16).padStart(4, '0')}`, '0x01']);
  await root(system.setStorage(items));
  await root(system.killStorage(items.slice(50).map(([one]) => one)));
  await root(system.killPrefix('0x71756972650a', 100));
  assert.equal((await api.rpc.state.getKeysPaged('0x71756972650a', 10)).length, 0);
  await good(balances.transferAllowDeath(bob.address, UNIT));
  await good(balances.transferKeepAlive(pair('//Fresh').address, UNIT));
  await root(balances.forceTransfer(bob.address, charlie.address, UNIT));
  await root(balances.forceSetBalance(pair('//Set').address, 5n * UNIT));
  await good(balances.transferAll(alice.address, false), pair('//Fresh'));
  await good(balances.burn(UNIT, true), bob);
  await root(balances.forceUnreserve(bob.address, UNIT));
});

await check('Members: certificates', async () => {
  const { u8aConcat, stringToU8a } = await import('@polkadot/util');
  const form = String(members.renew.meta.args[0].type);
  const day = 86_400_000;
  const certificate = (subject, level, signer, serial, days) => {
    const terms = { chain: api.genesisHash, subject, issuer: { Sr25519: signer.publicKey }, serial, validFrom: Date.now() - day, validUntil: Date.now() + days * day };
    const open = api.registry.createType(form, { terms, signature: new Uint8Array(64) });
    const payload = u8aConcat(stringToU8a(`quire/certificate/1/level-${level}`), open.toU8a().slice(0, -64));
    return { terms, signature: signer.sign(payload) };
  };
  const [rootKey, guild] = [pair('//Root'), pair('//Guild')];
  const principal = { Principal: { account: guild.publicKey, key: { Sr25519: guild.publicKey }, name: 'Printers Guild' } };
  const peer = { Peer: { member: guild.publicKey, node: key(40), name: 'node-1' } };
  await root(members.admit(certificate(principal, 0, rootKey, 1, 90)));
  await good(members.renew(certificate(principal, 0, guild, 2, 200)), bob);
  await good(members.registerPeer(certificate(peer, 1, guild, 1, 90)), bob);
  await good(balances.transferKeepAlive(guild.address, 1_000n * UNIT));
  await root(members.revokePeer(guild.publicKey, key(40)), guild);
  await root(members.revoke(guild.publicKey), guild);
  await root(members.setThresholds(await api.query.members.thresholds()));
  await root(members.setRoot({ Sr25519: rootKey.publicKey }));
});

await check('Members: motions', async () => {
  // One member again: what it proposes is done at once, so nothing is open to vote on, execute or take back.
  await good(members.propose(system.remark('0x01')));
  await bad(members.vote(99, true), alice, 'members.UnknownMotion');
  await bad(members.execute(99), alice, 'members.UnknownMotion');
  await bad(members.withdraw(99), alice, 'members.UnknownMotion');
});

await check('Utility', async () => {
  const remark = system.remark('0x02'), many = Array.from({ length: 200 }, () => balances.transferKeepAlive(bob.address, UNIT));
  await good(utility.batch([remark, remark]));
  await good(utility.batchAll(many));
  await good(utility.forceBatch(many));
  await good(utility.asDerivative(1, remark));
  await root(utility.withWeight(remark, WEIGHT));
  await good(utility.ifElse(balances.transferKeepAlive(bob.address, 10n ** 30n), remark));
});

await check('Multisig, among three and among sixteen', async () => {
  for (const group of [[alice, bob, charlie], crowd]) {
    const addresses = group.map(one => one.address), [first, second] = group;
    const others = who => sortAddresses(addresses.filter(one => one !== who.address), 42);
    await good(balances.transferKeepAlive(encodeMultiAddress(addresses, 2, 42), 10n * UNIT));
    const call = balances.transferKeepAlive(bob.address, UNIT), { hash } = call.method;
    const when = async done => ({ height: (await api.rpc.chain.getHeader(done.block)).number.toNumber(), index: done.index });
    const begun = await when(await good(multisig.approveAsMulti(2, others(first), null, hash, WEIGHT), first));
    await good(multisig.asMulti(2, others(second), begun, call, WEIGHT), second);
    const again = await when(await good(multisig.asMulti(2, others(first), null, call, WEIGHT), first));
    await good(multisig.pokeDeposit(2, others(first), hash), first);
    await good(multisig.cancelAsMulti(2, others(first), again, hash), first);
    await good(multisig.asMultiThreshold1(others(first), system.remark('0x03')), first);
  }
});

await check('Proxy, with one and with a full list', async () => {
  const [real, delegate, ...rest] = crowd, call = system.remark('0x04'), { hash } = call.method;
  await good(proxy.addProxy(delegate.address, 'Any', 0), real);
  await good(proxy.proxy(real.address, null, call), delegate);
  for (const one of rest) await good(proxy.addProxy(one.address, 'Any', 0), real);
  await good(proxy.proxy(real.address, null, call), delegate);
  await good(proxy.removeProxy(rest[0].address, 'Any', 0), real);
  await good(proxy.announce(real.address, hash), delegate);
  await good(proxy.removeAnnouncement(real.address, hash), delegate);
  await good(proxy.announce(real.address, hash), delegate);
  await good(proxy.rejectAnnouncement(delegate.address, hash), real);
  await good(proxy.announce(real.address, hash), delegate);
  await good(proxy.proxyAnnounced(delegate.address, real.address, null, call), delegate);
  await good(proxy.pokeDeposit(), real);
  await good(proxy.removeProxies(), real);
  const pure = await good(proxy.createPure('Any', 0, 0), real);
  const { pure: account } = found(pure, api.events.proxy.PureCreated);
  await good(balances.transferKeepAlive(account, UNIT));
  const height = (await api.rpc.chain.getHeader(pure.block)).number.toNumber();
  await good(proxy.proxy(account, null, proxy.killPure(real.address, 'Any', 0, height, pure.index)), real);
});

await check('Bonds', async () => {
  const [one] = crowd;
  await good(bonds.bond(20_000n * UNIT), one);
  const keys = api.createType(bonds.validate.meta.args[0].type);
  await good(bonds.validate(Object.fromEntries(Object.keys(keys.toJSON()).map((field, index) => [field, key(index)]))), one);
  await good(bonds.chill(), one);
  await good(bonds.unbond(1_000n * UNIT), one);
  await bad(bonds.withdraw(), one, 'bonds.NothingDue');
});

await check('Channels of two and of sixteen, their program, money and end', async () => {
  const registered = await good(channels.registerProgram(program));
  const hash = found(registered, api.events.channels.ProgramRegistered).program;
  for (const size of [2, 16]) {
    const who = crowd.slice(0, size), secret = key(90);
    const participants = who.map((one, index) => ({ account: one.address, role: index, messageKey: key(index), sealingKey: key(index + 40) }));
    const terms = { program: hash, period: 1_000, windows: { parts: 10, commit: 10, reveal: 10, challenge: 10 }, parameters: '0x00', exclusions: [] };
    const opened = await good(channels.open(participants, terms, secret), who[0]);
    const { channel } = found(opened, api.events.channels.Proposed);
    for (const one of who.slice(1)) await good(channels.approve(channel, secret), one);
    await good(channels.deposit(channel, 100n * UNIT), who[0]);
    await good(channels.withdraw(channel, UNIT), who[0]);
    await good(channels.setKeys(channel, key(200), key(201)), who[0]);
    for (const one of who) await good(channels.update(channel, { ...terms, period: 2_000 }, 50), one);
    await bad(anchors.delegate(channel, 0, crowd[15].address), who[0], 'anchors.NotValidator');
    for (const one of who) await good(channels.close(channel, 3), one);
  }
});

await check('Anchors of a channel that does not exist: each is refused by name', async () => {
  const none = 999, type = call => api.createType(call.meta.args[2].type).toJSON();
  const calls = [
    anchors.delegate(none, 0, bob.address), anchors.accept(none, 0), anchors.seal(none, 0),
    anchors.submitPart(none, 0, type(anchors.submitPart), []), anchors.commit(none, 0, key(1)),
    anchors.reveal(none, 0, type(anchors.reveal), key(1)), anchors.settle(none, 0, 0, [], []), anchors.advance(none, 0),
  ];
  for (const call of calls) {
    note(call.method);
    const { error } = await include(api, call, alice);
    assert.match(error ?? 'none', /^(anchors|channels)\.(Unknown(Block|Channel)|BadPart)$/, `${name(call)}: ${error}`);
  }
});

await check('Upgrade: its parameters, and nothing to take back', async () => {
  const parameters = (await api.query.upgrade.settings?.() ?? api.createType(upgrade.setParameters.meta.args[0].type)).toJSON();
  await root(upgrade.setParameters(parameters)).catch(error => assert.match(error.message, /BadParameters/));
  await bad(members.propose(upgrade.cancel(key(1))), alice, null);
});

await check('Session', async () => {
  const { session } = api.tx;
  await good(session.setKeys(u8aToHex(new Uint8Array(64).fill(9)), '0x'));
  await good(session.purgeKeys());
});

await check('reports of double signing need no signature, but a proof', async () => {
  for (const report of Object.values(api.tx.equivocation)) {
    const call = report(...report.meta.args.map(arg => api.createType(String(arg.type)).toU8a()));
    note(call.method);
    await refused(api.rpc.author.submitExtrinsic(call.toHex()), 1010);
    await bad(call, alice, 'BadOrigin');
  }
});

await check('inherents are nobody\'s to send', async () => {
  for (const call of [api.tx.timestamp.set(1), api.tx.randomness.contribute(key(1), u8aToHex(new Uint8Array(64))), api.tx.grandpa.noteFinalised(1), upgrade.attest(key(1), api.createType(upgrade.attest.meta.args[1].type).toJSON())]) {
    note(call.method);
    await refused(api.rpc.author.submitExtrinsic(sign(api, call, alice, { nonce: await nonceOf(api, alice) })), 1010);
  }
  await bad(api.tx.grandpa.noteStalled(1, 1), alice, 'BadOrigin');
});

await check('new code, last because its upgrade stays open', async () => {
  const code = readFileSync(new URL('../../runtime/wasm/upgrade_fixture.wasm', import.meta.url));
  await root(system.setCode(u8aToHex(code)));
  assert.equal((await api.query.upgrade.upgrade?.() ?? { isSome: true }).isSome, true);
});

await check('no call of the metadata was left out', async () => {
  const all = Object.entries(api.tx).flatMap(([section, calls]) => Object.keys(calls).map(method => `${section}.${method}`));
  assert.deepEqual(all.filter(one => !made.has(one)), []);
});

await end();
