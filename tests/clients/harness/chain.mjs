// What the suites do with @polkadot/api: connect, sign with every parameter given, watch, wait for blocks.
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { compactToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { blake2AsHex, cryptoWaitReady } from '@polkadot/util-crypto';
import { Stream } from './rpc.mjs';

await cryptoWaitReady();
const ring = new Keyring({ type: 'sr25519' });

/** The pair of a secret URI, for instance `//Alice`. */
export const pair = (suri, type = 'sr25519') => ring.createFromUri(suri, {}, type);

export const UNIT = 1_000_000_000_000n;

/** A connected API that does not connect again by itself: a lost connection is a failure. */
export async function connect(url) {
  const provider = new WsProvider(url, false);
  await provider.connect();
  return ApiPromise.create({ provider, noInitWarn: true, throwOnConnect: true });
}

/** Signs a call with everything given: no query decides anything. `era` is `{ period, birth: { number, hash } }`. */
export function sign(api, call, who, { nonce, tip = 0n, era, ...rest } = {}) {
  return call.sign(who, {
    nonce,
    tip,
    era: era ? api.registry.createType('ExtrinsicEra', { current: era.birth.number, period: era.period }) : '0x00',
    blockHash: era ? era.birth.hash : api.genesisHash,
    genesisHash: api.genesisHash,
    runtimeVersion: api.runtimeVersion,
    ...rest,
  });
}

/** The nonce that the state knows. */
export const nonceOf = async (api, who) => (await api.query.system.account(who.address)).nonce.toNumber();

/** Submits and gives the stream of statuses: `future`, `ready`, `inBlock:0x…`, … */
export async function watch(api, signed) {
  const stream = new Stream();
  stream.stop = await api.rpc.author.submitAndWatchExtrinsic(signed, status => stream.push(describe(status)));
  return stream;
}

/** A status as one word, with the hash that comes with it. */
function describe(status) {
  const json = status.toJSON();
  if (typeof json === 'string') return json;
  const [[name, value]] = Object.entries(json);
  return value === null ? name : `${name}:${Array.isArray(value) ? value.join() : value}`;
}

/** Signs, submits and waits until the call is in a block; gives its events, its error and the block's hash. */
export async function include(api, call, who, options = {}) {
  const nonce = options.nonce ?? await nonceOf(api, who);
  const signed = sign(api, call, who, { ...options, nonce });
  const stream = await watch(api, signed);
  const status = await stream.until(one => !/^(ready|future|broadcast)/.test(one), 'status of the block');
  if (!status.startsWith('inBlock:')) throw new Error(`${call.method.section}.${call.method.method} got ${status}`);
  return { ...await outcome(api, status.slice(8), signed.hash.toHex()), statuses: stream, hash: signed.hash.toHex() };
}

/** What a block did to one extrinsic. */
export async function outcome(api, block, hash) {
  const [{ block: { extrinsics } }, at] = await Promise.all([api._rpcCore.provider.send('chain_getBlock', [block]), api.at(block)]);
  const index = extrinsics.findIndex(one => blake2AsHex(one) === hash);
  if (index < 0) throw new Error(`${hash} is not in the block ${block} that was named`);
  const events = (await at.query.system.events()).filter(({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.eqn(index)).map(one => one.event);
  const failure = events.find(event => api.events.system.ExtrinsicFailed.is(event));
  return { block, index, events, names: events.map(event => `${event.section}.${event.method}`), error: failure ? errorName(api, failure.data[0]) : null };
}

/** `balances.InsufficientBalance`, or the variant of an error that is no module's. */
export function errorName(api, error) {
  if (!error.isModule) return error.toString().replace(/[{}"]/g, '');
  const found = api.registry.findMetaError(error.asModule);
  return `${found.section}.${found.name}`;
}

/** Gives accounts money in one go; resolves when all of it is in blocks. */
export async function fund(api, from, amounts) {
  let nonce = (await api.rpc.system.accountNextIndex(from.address)).toNumber();
  const signed = amounts.map(([to, amount]) => sign(api, api.tx.balances.transferKeepAlive(to, amount), from, { nonce: nonce++ }));
  const last = signed.pop();
  const hashes = signed.map(one => api.rpc.author.submitExtrinsic(one));
  const stream = await watch(api, last);
  await Promise.all(hashes);
  const status = await stream.until(one => !/^(ready|future|broadcast)/.test(one), 'the last transfer in a block', 30_000);
  if (!status.startsWith('inBlock:')) throw new Error(`funding got ${status}`);
  stream.stop();
  return status.slice(8);
}

/** Refused with exactly this code, and with this data or message where given. */
export async function refused(promise, code, { data, message } = {}) {
  const error = await promise.then(() => null, error => error);
  if (!error) throw new Error(`accepted, but ${code} was due`);
  const wrong = (what, got, want) => new Error(`${what} is ${JSON.stringify(got)}, not ${JSON.stringify(want)} (${error.message})`);
  if (error.code !== code) throw wrong('the code', error.code, code);
  if (data !== undefined && error.data !== data) throw wrong('the data', error.data, data);
  const text = error.text ?? error.message;
  if (message instanceof RegExp ? !message.test(text) : message !== undefined && text !== message) throw wrong('the message', text, String(message));
}

/** The parts of a signed extrinsic, to be changed and put together again with `assemble`. */
export function parts(signed) {
  const era = signed.era.toU8a();
  return {
    version: 0x84,
    address: signed.signer.toU8a(),
    signature: signed.signature.toU8a(),
    kind: 1,
    extra: u8aConcat(era, compactToU8a(signed.nonce.toBn()), compactToU8a(signed.tip.toBn()), new Uint8Array([0])),
    call: signed.method.toU8a(),
  };
}

/** The bytes of an extrinsic as hex, length first. */
export function assemble({ version, address, kind, signature, extra, call }) {
  const signer = version & 0x80 ? u8aConcat(address, [kind], signature, extra) : new Uint8Array();
  const body = u8aConcat([version], signer, call);
  return u8aToHex(u8aConcat(compactToU8a(body.length), body));
}
