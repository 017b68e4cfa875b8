// Multisig and proxy accounts as wallets use them, their addresses against @polkadot/util-crypto.
import assert from 'node:assert/strict';
import { bnToU8a, stringToU8a, u8aConcat } from '@polkadot/util';
import { blake2AsU8a, encodeAddress, encodeMultiAddress, sortAddresses } from '@polkadot/util-crypto';
import { connect, errorName, include, pair, UNIT } from './harness/chain.mjs';
import { suite } from './harness/suite.mjs';

const { url, check, end } = await suite('multisig_proxy', { own: ['--sealing', 'instant'] });
const api = await connect(url);
const [alice, bob, charlie, dave, eve] = ['Alice', 'Bob', 'Charlie', 'Dave', 'Eve'].map(name => pair(`//${name}`));
const { multisig, proxy, balances, system, utility } = api.tx;
const trio = [alice, bob, charlie].map(one => one.address);
const others = who => sortAddresses(trio.filter(one => one !== who.address), 42);
const fresh = name => pair(`//${name}`).address;
const data = async who => (await api.query.system.account(who)).data;
const free = async who => (await data(who)).free.toBigInt();
const reserved = async who => (await data(who)).reserved.toBigInt();
const pay = (to, value = UNIT) => balances.transferKeepAlive(to, value);
const found = (done, type) => done.events.find(event => type.is(event))?.data;
const WEIGHT = { refTime: 1_000_000_000, proofSize: 100_000 };

/** The extrinsic succeeded; gives its events. */
async function good(call, who) {
  const done = await include(api, call, who);
  assert.equal(done.error, null, `${call.method.section}.${call.method.method}`);
  return done;
}
const bad = async (call, who, error) => assert.equal((await include(api, call, who)).error, error);
const timepoint = async done => ({ height: (await api.rpc.chain.getHeader(done.block)).number.toNumber(), index: done.index });
/** The result inside `MultisigExecuted` or `ProxyExecuted`: null, or the name of the error. */
const inner = result => result.isOk ? null : errorName(api, result.asErr);

const account = encodeMultiAddress(trio, 2, 42);

await check('two of three: approval by hash, deposit, execution, and the address that wallets compute', async () => {
  await good(pay(account, 100n * UNIT), alice);
  const to = fresh('MultisigPaid'), call = pay(to, 3n * UNIT), { hash } = call.method;
  const before = await reserved(alice.address);
  const begun = await good(multisig.approveAsMulti(2, others(alice), null, hash, WEIGHT), alice);
  const event = found(begun, api.events.multisig.NewMultisig);
  assert.deepEqual([event.multisig.toString(), event.approving.toString(), event.callHash.toHex()], [account, alice.address, hash.toHex()]);
  const open = (await api.query.multisig.multisigs(account, hash)).unwrap();
  const when = await timepoint(begun);
  assert.deepEqual(open.when.toJSON(), when);
  assert.deepEqual([open.depositor.toString(), open.approvals.map(String)], [alice.address, [alice.address]]);
  const { depositBase, depositFactor, maxSignatories } = api.consts.multisig;
  assert.equal(open.deposit.toBigInt(), depositBase.toBigInt() + 2n * depositFactor.toBigInt());
  assert(maxSignatories.toNumber() >= 3);
  assert.equal(await reserved(alice.address) - before, open.deposit.toBigInt());
  assert.equal((await api.query.multisig.multisigs.entries(account)).length, 1, 'what waits can be listed');
  const done = await good(multisig.asMulti(2, others(bob), when, call, WEIGHT), bob);
  assert.equal(inner(found(done, api.events.multisig.MultisigExecuted).result), null);
  assert.equal(await free(to), 3n * UNIT);
  assert((await api.query.multisig.multisigs(account, hash)).isNone);
  assert.equal(await reserved(alice.address), before, 'the deposit is back');
});

await check('whoever approves last brings the call; a failure inside is reported, nothing of it stays', async () => {
  const call = pay(dave.address, 10n ** 30n);
  const begun = await good(multisig.asMulti(2, others(charlie), null, call, WEIGHT), charlie);
  const done = await good(multisig.asMulti(2, others(alice), await timepoint(begun), call, WEIGHT), alice);
  assert.equal(inner(found(done, api.events.multisig.MultisigExecuted).result), 'balances.InsufficientBalance');
  assert((await api.query.multisig.multisigs(account, call.method.hash)).isNone);
});

await check('three of three is another account, and needs all three', async () => {
  const all = encodeMultiAddress(trio, 3, 42), to = fresh('AllPaid'), call = pay(to);
  assert.notEqual(all, account);
  await good(pay(all, 10n * UNIT), alice);
  const when = await timepoint(await good(multisig.approveAsMulti(3, others(bob), null, call.method.hash, WEIGHT), bob));
  const second = await good(multisig.asMulti(3, others(charlie), when, call, WEIGHT), charlie);
  assert(found(second, api.events.multisig.MultisigApproval) && !found(second, api.events.multisig.MultisigExecuted));
  assert.equal(await free(to), 0n);
  const third = await good(multisig.asMulti(3, others(alice), when, call, WEIGHT), alice);
  assert.equal(inner(found(third, api.events.multisig.MultisigExecuted).result), null);
  assert.equal(await free(to), UNIT);
});

await check('cancelling: by who began it, nobody else; the deposit comes back', async () => {
  const call = system.remark('0x0c'), { hash } = call.method, before = await reserved(bob.address);
  const when = await timepoint(await good(multisig.approveAsMulti(2, others(bob), null, hash, WEIGHT), bob));
  await bad(multisig.cancelAsMulti(2, others(alice), when, hash), alice, 'multisig.NotOwner');
  const done = await good(multisig.cancelAsMulti(2, others(bob), when, hash), bob);
  assert.equal(found(done, api.events.multisig.MultisigCancelled).multisig.toString(), account);
  assert.equal(await reserved(bob.address), before);
  await bad(multisig.cancelAsMulti(2, others(bob), when, hash), bob, 'multisig.NotFound');
});

await check('every mistake with signatories, timepoints and weights has its name', async () => {
  const call = system.remark('0x0d'), { hash } = call.method;
  await bad(multisig.asMulti(2, [...others(alice)].reverse(), null, call, WEIGHT), alice, 'multisig.SignatoriesOutOfOrder');
  await bad(multisig.asMulti(2, sortAddresses(trio, 42), null, call, WEIGHT), alice, 'multisig.SenderInSignatories');
  await bad(multisig.asMulti(1, others(alice), null, call, WEIGHT), alice, 'multisig.MinimumThreshold');
  await bad(multisig.asMulti(2, [], null, call, WEIGHT), alice, 'multisig.TooFewSignatories');
  await bad(multisig.asMulti(2, others(alice), { height: 1, index: 1 }, call, WEIGHT), alice, 'multisig.UnexpectedTimepoint');
  const when = await timepoint(await good(multisig.approveAsMulti(2, others(alice), null, hash, WEIGHT), alice));
  await bad(multisig.asMulti(2, others(bob), null, call, WEIGHT), bob, 'multisig.NoTimepoint');
  await bad(multisig.asMulti(2, others(bob), { ...when, index: when.index + 1 }, call, WEIGHT), bob, 'multisig.WrongTimepoint');
  await bad(multisig.approveAsMulti(2, others(alice), when, hash, WEIGHT), alice, 'multisig.AlreadyApproved');
  await bad(multisig.asMulti(2, others(bob), when, call, { refTime: 1, proofSize: 0 }), bob, 'multisig.MaxWeightTooLow');
  await good(multisig.asMulti(2, others(bob), when, call, WEIGHT), bob);
});

await check('one of three needs no approval', async () => {
  const one = encodeMultiAddress(trio, 1, 42), to = fresh('OnePaid');
  await good(pay(one, 10n * UNIT), alice);
  const done = await good(multisig.asMultiThreshold1(others(charlie), pay(to)), charlie);
  assert.equal(found(done, api.events.balances.Transfer).from.toString(), one);
  assert.equal(await free(to), UNIT);
});

await check('a proxy acts for the real account, pays the fee itself, and is paid for by a deposit', async () => {
  const before = await reserved(dave.address), to = fresh('ProxyPaid');
  await good(proxy.addProxy(eve.address, 'Any', 0), dave);
  const [list, deposit] = await api.query.proxy.proxies(dave.address);
  assert.deepEqual(list.toJSON(), [{ delegate: eve.address, proxyType: 'Any', delay: 0 }]);
  const { proxyDepositBase, proxyDepositFactor } = api.consts.proxy;
  assert.equal(deposit.toBigInt(), proxyDepositBase.toBigInt() + proxyDepositFactor.toBigInt());
  assert.equal(await reserved(dave.address) - before, deposit.toBigInt());
  const had = await free(dave.address), done = await good(proxy.proxy(dave.address, null, pay(to)), eve);
  assert.equal(inner(found(done, api.events.proxy.ProxyExecuted).result), null);
  assert.equal(had - await free(dave.address), UNIT);
  assert.equal(await free(to), UNIT);
  const failed = await good(proxy.proxy(dave.address, 'Any', pay(to, 10n ** 30n)), eve);
  assert.equal(inner(found(failed, api.events.proxy.ProxyExecuted).result), 'balances.InsufficientBalance');
  await bad(proxy.proxy(dave.address, null, pay(to)), bob, 'proxy.NotProxy');
  await bad(proxy.addProxy(eve.address, 'Any', 0), dave, 'proxy.Duplicate');
  await good(proxy.removeProxy(eve.address, 'Any', 0), dave);
  await bad(proxy.proxy(dave.address, null, pay(to)), eve, 'proxy.NotProxy');
  assert.equal(await reserved(dave.address), before);
});

await check('a type permits its calls only, however they are wrapped', async () => {
  await good(proxy.addProxy(eve.address, 'NonTransfer', 0), dave);
  const to = fresh('Forbidden'), act = async call => inner(found(await good(proxy.proxy(dave.address, 'NonTransfer', call), eve), api.events.proxy.ProxyExecuted).result);
  assert.equal(await act(system.remark('0x01')), null);
  for (const call of [pay(to), utility.batch([system.remark('0x'), pay(to)]), utility.asDerivative(0, pay(to)), multisig.asMultiThreshold1([alice.address], pay(to))]) {
    assert.equal(await act(call), 'system.CallFiltered', `${call.method.section}.${call.method.method}`);
  }
  assert.equal(await act(proxy.addProxy(eve.address, 'Any', 0)), 'system.CallFiltered', 'no rights are gained');
  assert.equal(await free(to), 0n);
  await bad(proxy.proxy(dave.address, 'Governance', system.remark('0x')), eve, 'proxy.NotProxy');
  await good(proxy.removeProxies(), dave);
  assert.equal((await api.query.proxy.proxies(dave.address))[0].length, 0);
});

await check('a delayed proxy announces first, and is rejected or waits', async () => {
  const DELAY = 3, to = fresh('Announced'), call = pay(to);
  await good(proxy.addProxy(eve.address, 'Any', DELAY), dave);
  await bad(proxy.proxy(dave.address, null, call), eve, 'proxy.Unannounced');
  await good(proxy.announce(dave.address, call.method.hash), eve);
  const [announcements, deposit] = await api.query.proxy.announcements(eve.address);
  assert.deepEqual([announcements.length, announcements[0].callHash.toHex(), await reserved(eve.address)], [1, call.method.hash.toHex(), deposit.toBigInt()]);
  await bad(proxy.proxyAnnounced(eve.address, dave.address, null, call), bob, 'proxy.Unannounced');
  for (let block = 0; block < DELAY; block++) await good(system.remark('0x'), bob);
  const done = await good(proxy.proxyAnnounced(eve.address, dave.address, null, call), bob);
  assert.equal(inner(found(done, api.events.proxy.ProxyExecuted).result), null);
  assert.deepEqual([await free(to), await reserved(eve.address)], [UNIT, 0n]);
  await good(proxy.announce(dave.address, call.method.hash), eve);
  await good(proxy.rejectAnnouncement(eve.address, call.method.hash), dave);
  for (let block = 0; block < DELAY; block++) await good(system.remark('0x'), bob);
  await bad(proxy.proxyAnnounced(eve.address, dave.address, null, call), bob, 'proxy.Unannounced');
  await good(proxy.removeProxies(), dave);
});

await check('a pure account has the address that its making implies, acts by its proxy, and can be killed', async () => {
  const before = await reserved(charlie.address);
  const made = await good(proxy.createPure('Any', 0, 5), charlie);
  const event = found(made, api.events.proxy.PureCreated), { height, index } = await timepoint(made);
  const le = (value, bits) => bnToU8a(value, { bitLength: bits, isLe: true });
  const pure = encodeAddress(blake2AsU8a(u8aConcat(stringToU8a('modlpy/proxy____'), charlie.publicKey, le(height, 32), le(index, 32), [0], le(5, 16))), 42);
  assert.equal(event.pure.toString(), pure);
  await good(pay(pure, 10n * UNIT), charlie);
  const to = fresh('PurePaid');
  await good(proxy.proxy(pure, null, utility.batchAll([pay(to), pay(fresh('PurePaid2'))])), charlie);
  assert.equal(await free(to), UNIT);
  const done = await good(proxy.proxy(pure, null, proxy.killPure(charlie.address, 'Any', 5, height, index)), charlie);
  assert.equal(inner(found(done, api.events.proxy.ProxyExecuted).result), null);
  assert.equal(await reserved(charlie.address), before);
  await bad(proxy.proxy(pure, null, system.remark('0x')), charlie, 'proxy.NotProxy');
});

await check('all together: a multisig account that is a proxy, running a batch', async () => {
  await good(proxy.addProxy(account, 'Any', 0), dave);
  const to = [fresh('Together1'), fresh('Together2')];
  const call = proxy.proxy(dave.address, null, utility.batchAll(to.map(who => pay(who))));
  const when = await timepoint(await good(multisig.approveAsMulti(2, others(alice), null, call.method.hash, WEIGHT), alice));
  const info = await call.paymentInfo(bob);
  const done = await good(multisig.asMulti(2, others(bob), when, call, info.weight), bob);
  assert.equal(inner(found(done, api.events.multisig.MultisigExecuted).result), null);
  assert.deepEqual([await free(to[0]), await free(to[1])], [UNIT, UNIT]);
  const transfers = done.events.filter(event => api.events.balances.Transfer.is(event));
  assert(transfers.every(event => event.data.from.toString() === dave.address));
  await good(proxy.removeProxies(), dave);
});

await end();
