// A random life of many transactions on a chain that changes sides: whatever a stream said must be what the chain shows.
//
//   node statuses.mjs --node BINARY [--seed N]
import assert from 'node:assert/strict';
import { blake2AsHex } from '@polkadot/util-crypto';
import { connect, pair, sign, watch } from './harness/chain.mjs';
import { MANUAL, sealer } from './harness/manual.mjs';
import { suite } from './harness/suite.mjs';

const { url, check, end } = await suite('statuses', { own: [...MANUAL, '--pool-limit', '40'] });
const api = await connect(url), seal = await sealer(url), { rpc } = seal;
const given = process.argv.indexOf('--seed');
const seed = given > 0 ? Number(process.argv[given + 1]) : Date.now() % 1_000_000;
const STEPS = 400;

let state = seed * 2 + 1;
/** A number from 0 up to `below`: xorshift, so that a seed repeats a run. */
function random(below) {
  state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
  return (state >>> 0) % below;
}
const pick = list => list[random(list.length)];

const senders = ['Alice', 'Bob', 'Charlie', 'Dave', 'Eve', 'Ferdie'].map(name => pair(`//${name}`));
const sent = new Map();
const bodies = new Map();
const refusals = {};
let reorganisations = 0;

/** The hashes of the extrinsics of a block. */
async function body(block) {
  if (!bodies.has(block)) {
    const { block: { header, extrinsics } } = await rpc.call('chain_getBlock', block);
    bodies.set(block, { parent: header.parentHash, hashes: new Set(extrinsics.map(one => blake2AsHex(one))) });
  }
  return bodies.get(block);
}

async function submit() {
  const who = pick(senders);
  const next = await rpc.call('system_accountNextIndex', who.address);
  const nonce = Math.max(0, next + pick([-1, 0, 0, 0, 0, 1, 2]));
  const birth = await seal.best();
  const era = random(3) ? undefined : { birth, period: pick([4, 8]) };
  const signed = sign(api, api.tx.system.remark([sent.size & 255, sent.size >> 8]), who, { nonce, tip: BigInt(random(5)), era });
  const hash = signed.hash.toHex();
  try {
    sent.set(hash, { who: who.address, nonce, dies: era ? birth.number + era.period : Infinity, stream: await watch(api, signed) });
  } catch ({ code }) {
    refusals[code] = (refusals[code] ?? 0) + 1;
    assert([1010, 1012, 1013, 1014, 1016].includes(code), `refused with ${code}`);
  }
}

/** A branch from some blocks below the best one, one block longer; its first block is made final, so nobody turns back. Nothing
    is submitted meanwhile: what a pool replaces may still be in a block of a branch that it does not follow yet. */
async function fork() {
  const final = await rpc.call('chain_getFinalizedHead');
  const path = [];
  for (let at = (await seal.best()).hash; at !== final; at = (await body(at)).parent) path.push(at);
  if (path.length === 0) return;
  const depth = random(path.length);
  let tip = (await body(path[depth])).parent, first;
  for (let n = 0; n <= depth + 1; n++) {
    tip = await seal.block({ parent: tip });
    first ??= tip;
  }
  assert.equal((await seal.best()).hash, tip, 'the longer branch is the best');
  reorganisations++;
  await seal.finalize(first);
}

await check(`${STEPS} random steps, seed ${seed}`, async () => {
  for (let step = 0; step < STEPS; step++) {
    const kind = random(20);
    if (kind < 12) await submit();
    else if (kind < 17) await seal.block();
    else if (kind < 19) await fork();
    else await seal.finalize((await seal.best()).hash);
  }
  // Empty what is ready, and let every era end.
  await seal.blocks(10);
  await seal.finalize((await seal.best()).hash);
  assert(sent.size > 100 && reorganisations > 5, `${sent.size} transactions, ${reorganisations} changes of sides`);
});

const ENDS = /^(finalized|finalityTimeout|usurped|dropped|invalid)/;
const chain = new Map();
await check('every transaction of the final chain is there once, and was told to be final in that block', async () => {
  const nonces = new Map();
  for (let at = (await seal.best()).hash; at !== api.genesisHash.toHex(); at = (await body(at)).parent) {
    for (const hash of (await body(at)).hashes) {
      if (!sent.has(hash)) continue;
      assert(!chain.has(hash), `${hash} is in two blocks`);
      chain.set(hash, at);
    }
  }
  for (const [hash, block] of chain) {
    const { who, nonce, stream } = sent.get(hash);
    const key = `${who} ${nonce}`;
    assert(!nonces.has(key), `two transactions of ${key}`);
    nonces.set(key, hash);
    const last = await stream.until(status => ENDS.test(status), `end of ${hash}, which is in ${block}`, 5_000);
    assert.equal(last, `finalized:${block}`);
  }
  assert(chain.size > 50, `${chain.size} transactions in the chain`);
});

const ends = {};
await check('what was told to be usurped, dropped or invalid is not in the chain, and why can be seen', async () => {
  const head = (await seal.best()).number, used = new Map();
  for (const { address } of senders) used.set(address, (await api.query.system.account(address)).nonce.toNumber());
  for (const [hash, { who, nonce, dies, stream }] of sent) {
    const last = stream.seen.findLast(status => ENDS.test(status)) ?? 'none';
    const [kind, by] = last.split(':');
    ends[kind] = (ends[kind] ?? 0) + 1;
    if (kind === 'finalized') { assert.equal(chain.get(hash), by, `${hash} is not where it was told to be`); continue; }
    assert(!chain.has(hash), `${hash} was told ${last} and is in the chain`);
    if (kind === 'usurped') {
      const other = sent.get(by);
      assert(other && other.who === who && other.nonce === nonce, `${hash} was usurped by ${by}, which is no rival of it`);
    }
    if (kind === 'invalid') assert(nonce < used.get(who) || dies <= head, `${hash} was told invalid, but its nonce is free and its era not over`);
    if (kind === 'none') assert.equal(stream.seen.at(-1), 'future', `${hash} was left without an end`);
    assert.notEqual(kind, 'finalityTimeout');
  }
  const pending = await rpc.call('author_pendingExtrinsics');
  assert.deepEqual(pending, [], 'nothing that could be in a block is left');
});

await check('each stream is a possible life: blocks hold what they are told to hold, nothing follows an end', async () => {
  for (const [hash, { stream: { seen } }] of sent) {
    const life = `${hash}: ${seen.join(' ')}`;
    let block = null;
    for (const [n, status] of seen.entries()) {
      const [kind, of] = status.split(':');
      assert(n === seen.length - 1 || !ENDS.test(status), `something follows the end: ${life}`);
      assert.notEqual(status, seen[n - 1], `told twice: ${life}`);
      if (kind === 'inBlock') {
        assert(block === null, `in two blocks at once: ${life}`);
        assert((await body(of)).hashes.has(hash), `not in ${of}: ${life}`);
        block = of;
      } else if (kind === 'retracted') {
        assert.equal(block, of, `retracted from where it was not: ${life}`);
        block = null;
      } else if (kind === 'finalized') assert.equal(block, of, `final where it was not: ${life}`);
      else assert(block === null, `${status} while in a block: ${life}`);
    }
  }
});

console.log(`     ${sent.size} transactions, ${reorganisations} changes of sides, ends ${JSON.stringify(ends)}, refused ${JSON.stringify(refusals)}`);
await end();
