// Batches as wallets send them: a hundred calls in one, what stays when one fails, derivative accounts.
import assert from 'node:assert/strict';
import { encodeDerivedAddress } from '@polkadot/util-crypto';
import { connect, errorName, include, nonceOf, pair, refused, sign, UNIT } from './harness/chain.mjs';
import { suite } from './harness/suite.mjs';

const { url, check, end } = await suite('batch', { own: ['--sealing', 'instant'] });
const api = await connect(url);
const [alice, bob] = [pair('//Alice'), pair('//Bob')];
const { utility, balances, system } = api.tx;
const fresh = (name, count) => Array.from({ length: count }, (_, n) => pair(`//${name}//${n}`).address);
const free = async who => (await api.query.system.account(who)).data.free.toBigInt();
const held = async accounts => Promise.all(accounts.map(free));
const pay = (to, value = UNIT) => balances.transferKeepAlive(to, value);
const TOO_MUCH = 10n ** 30n;
const count = (names, name) => names.filter(one => one === name).length;
const found = (done, type) => done.events.find(event => type.is(event));

await check('a hundred transfers in one extrinsic: all arrive, for less than a hundred fees', async () => {
  const to = fresh('Hundred', 100), call = utility.batch(to.map(who => pay(who)));
  const single = (await pay(to[0]).paymentInfo(alice)).partialFee.toBigInt(), all = (await call.paymentInfo(alice)).partialFee.toBigInt();
  assert(all > single && all < 100n * single, `${all} for a hundred, ${single} for one`);
  const before = await free(alice.address), done = await include(api, call, alice);
  assert.equal(done.error, null);
  assert.deepEqual(await held(to), to.map(() => UNIT));
  for (const [name, times] of [['balances.Transfer', 100], ['utility.ItemCompleted', 100], ['system.NewAccount', 100], ['utility.BatchCompleted', 1], ['system.ExtrinsicSuccess', 1]]) {
    assert.equal(count(done.names, name), times, name);
  }
  assert.equal(done.names.at(-1), 'system.ExtrinsicSuccess');
  const fee = found(done, api.events.transactionPayment.TransactionFeePaid).data.actualFee.toBigInt();
  assert(fee <= all, 'no more than announced');
  assert(before - await free(alice.address) <= 100n * UNIT + fee);
});

await check('batch stops at the first failure: what came before stays, the event names item and error', async () => {
  const to = fresh('Stop', 3), done = await include(api, utility.batch([pay(to[0]), pay(to[1], TOO_MUCH), pay(to[2])]), alice);
  assert.equal(done.error, null, 'the batch itself succeeds');
  const { index, error } = found(done, api.events.utility.BatchInterrupted).data;
  assert.deepEqual([index.toNumber(), errorName(api, error)], [1, 'balances.InsufficientBalance']);
  assert.deepEqual(await held(to), [UNIT, 0n, 0n]);
});

await check('batchAll: one failure takes back everything, and is the error of the extrinsic', async () => {
  const to = fresh('All', 3), before = await free(bob.address);
  const done = await include(api, utility.batchAll([pay(to[0]), pay(to[1]), pay(to[2], TOO_MUCH)]), bob);
  assert.equal(done.error, 'balances.InsufficientBalance');
  assert.deepEqual(await held(to), [0n, 0n, 0n]);
  assert.equal(count(done.names, 'balances.Transfer') + count(done.names, 'utility.ItemCompleted'), 0, 'no event of what was taken back');
  const fee = found(done, api.events.transactionPayment.TransactionFeePaid).data.actualFee.toBigInt();
  assert.equal(before - await free(bob.address), fee, 'the fee is all that is gone');
  assert.equal((await include(api, utility.batchAll(to.map(who => pay(who))), bob)).error, null);
  assert.deepEqual(await held(to), [UNIT, UNIT, UNIT]);
});

await check('forceBatch goes on after failures and tells each', async () => {
  const to = fresh('Force', 3);
  const done = await include(api, utility.forceBatch([pay(to[0], TOO_MUCH), pay(to[1]), system.setCode('0x00'), pay(to[2])]), alice);
  assert.equal(done.error, null);
  const errors = done.events.filter(event => api.events.utility.ItemFailed.is(event)).map(event => errorName(api, event.data.error));
  assert.deepEqual(errors, ['balances.InsufficientBalance', 'BadOrigin']);
  assert.equal(count(done.names, 'utility.ItemCompleted'), 2);
  assert(done.names.includes('utility.BatchCompletedWithErrors') && !done.names.includes('utility.BatchCompleted'));
  assert.deepEqual(await held(to), [0n, UNIT, UNIT]);
});

await check('a batch with nothing in it, one of remarks, and batches in batches', async () => {
  assert((await include(api, utility.batch([]), alice)).names.includes('utility.BatchCompleted'));
  const to = fresh('Nested', 4);
  const inner = utility.batchAll([pay(to[1]), pay(to[2], TOO_MUCH)]);
  const done = await include(api, utility.forceBatch([utility.batch([pay(to[0])]), inner, pay(to[3])]), alice);
  assert.deepEqual([done.error, await held(to)], [null, [UNIT, 0n, 0n, UNIT]]);
});

await check('too many items do not fit into a block, too deep ones are no call at all', async () => {
  const most = api.consts.utility.batchedCallsLimit.toNumber();
  const submit = async call => api.rpc.author.submitExtrinsic(sign(api, call, alice, { nonce: await nonceOf(api, alice) }));
  await refused(submit(utility.batch(Array.from({ length: most + 1 }, () => system.remark('0x')))), 1010, { data: 'Transaction would exhaust the block limits' });
  let deep = system.remark('0x');
  for (let depth = 0; depth < 64; depth++) deep = utility.batch([deep]);
  await refused(submit(deep), 1010, { data: 'Transaction call is not expected' });
});

await check('asDerivative acts for the account that @polkadot/util-crypto derives', async () => {
  const [to] = fresh('Derivative', 1), derived = encodeDerivedAddress(alice.address, 7, 42);
  assert.equal((await include(api, pay(derived, 5n * UNIT), alice)).error, null);
  const done = await include(api, utility.asDerivative(7, pay(to)), alice);
  assert.equal(done.error, null);
  assert.deepEqual([await free(derived), await free(to)], [4n * UNIT, UNIT], 'the owner pays the fee');
  assert.equal(found(done, api.events.balances.Transfer).data.from.toString(), derived);
  assert.equal((await include(api, utility.asDerivative(8, pay(to)), alice)).error, 'balances.InsufficientBalance', 'another index is another account');
});

await check('ifElse runs its second call when the first one fails', async () => {
  const to = fresh('Else', 3);
  const main = await include(api, utility.ifElse(pay(to[0]), pay(to[1])), alice);
  assert(main.names.includes('utility.IfElseMainSuccess'));
  const other = await include(api, utility.ifElse(pay(to[0], TOO_MUCH), pay(to[2])), alice);
  assert.equal(errorName(api, found(other, api.events.utility.IfElseFallbackCalled).data.mainError), 'balances.InsufficientBalance');
  assert.deepEqual(await held(to), [UNIT, 0n, UNIT]);
});

await check('nobody becomes Root inside a batch', async () => {
  const { sudo, withWeight } = { sudo: balances.forceSetBalance(bob.address, 1n), withWeight: utility.withWeight(system.remark('0x'), { refTime: 1, proofSize: 1 }) };
  for (const call of [sudo, withWeight]) assert.equal((await include(api, utility.batchAll([call]), bob)).error, 'BadOrigin');
});

await end();
