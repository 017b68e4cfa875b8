// What is no proper request gets a proper error, over WebSocket and HTTP, and the connection and the node go on.
import assert from 'node:assert/strict';
import { connect as tcp } from 'node:net';
import { post, Rpc } from './harness/rpc.mjs';
import { suite } from './harness/suite.mjs';

const { url, http, check, end } = await suite('malformed');
const PARSE = -32700, REQUEST = -32600, METHOD = -32601, PARAMS = -32602, TOO_BIG = -32007, BATCH_TOO_BIG = -32010;
const MIB = 1 << 20;
const rpc = await Rpc.connect(url);
const request = (method, params, id = 7_000) => `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`;
const rawRequest = (method, param) => request(method, `[${param}]`);
const alive = async () => assert.equal(await rpc.call('system_name'), 'Quire', 'the connection still answers');
const best = async () => Number((await rpc.call('chain_getHeader')).number);

/** Sends the same over both transports and expects the same error from both. */
async function refusedBoth(text, code, id = null) {
  rpc.send(text);
  const over = { WebSocket: await rpc.frames.next('error'), HTTP: (await post(http, text)).json };
  for (const [transport, answer] of Object.entries(over)) {
    assert.equal(answer?.error?.code, code, `${transport} answers ${JSON.stringify(answer)?.slice(0, 200)} to ${String(text).slice(0, 80)}`);
    assert.equal(answer.id, id, `${transport}: id`);
    assert.equal(answer.jsonrpc, '2.0');
    assert(!('result' in answer));
  }
  await alive();
}

const started = await best();

await check('bytes that are no JSON, and JSON that is no request', async () => {
  for (const text of ['', '   ', '{', 'hello', '1', 'null', '"x"', '{"jsonrpc":"2.0"', `${rawRequest('system_name', '')}x`, "{'id':1}",
    Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), '{"jsonrpc":"2.0","id":1,"method":"system_name","params":[}', '\0']) {
    await refusedBoth(text, PARSE);
  }
  for (const text of ['[]', '{}']) await refusedBoth(text, REQUEST);
  await refusedBoth('{"id":7000,"method":"system_name"}', REQUEST, 7_000);
  await refusedBoth('{"jsonrpc":"1.0","id":7000,"method":"system_name"}', REQUEST, 7_000);
  await refusedBoth('{"jsonrpc":"2.0","id":7000,"method":7}', REQUEST, 7_000);
  await refusedBoth('{"jsonrpc":"2.0","id":"a","method":null}', REQUEST, 'a');
});

await check('names that are no method', async () => {
  for (const name of ['', 'nope', 'SYSTEM_NAME', 'system_name ', 'system_name\\u0000', '__proto__', 'x'.repeat(100_000)]) {
    await refusedBoth(request(name, '[]'), METHOD, 7_000);
  }
});

await check('parameters of the wrong shape', async () => {
  for (const params of ['"x"', '7', 'true', '{"hash":"0x00"}']) await refusedBoth(request('chain_getBlockHash', params), PARAMS, 7_000);
  for (const [method, param] of [
    ['state_getStorage', ''], ['state_getStorage', '7'], ['state_getStorage', '{}'], ['state_getStorage', '[]'], ['state_getStorage', 'true'],
    ['state_getKeysPaged', '"0x",-1'], ['state_getKeysPaged', '"0x",1.5'], ['state_getKeysPaged', '"0x","10"'], ['state_getKeysPaged', '"0x"'],
    ['state_queryStorageAt', '"0x00"'], ['state_queryStorageAt', '[7]'], ['state_queryStorageAt', '[null]'],
    ['state_call', '7'], ['state_call', '"Core_version",7'], ['system_accountNextIndex', '"Alice"'], ['system_accountNextIndex', '""'],
    ['author_submitExtrinsic', '7'], ['author_submitExtrinsic', ''], ['chain_getHeader', 'true'], ['chain_getBlock', '[]'],
  ]) await refusedBoth(rawRequest(method, param), PARAMS, 7_000);
});

await check('numbers beyond every width', async () => {
  for (const number of ['-1', '1.5', '1e400', '-1e400', '4294967296', '18446744073709551616', '9'.repeat(20_000), '"0x100000000"', '"0xzz"', '"-1"',
    `"0x${'f'.repeat(20_000)}"`]) {
    await refusedBoth(rawRequest('chain_getBlockHash', number), PARAMS, 7_000);
  }
  assert.equal(await rpc.call('chain_getBlockHash', 4_294_967_295), null, 'the greatest number is a number');
});

await check('hex that is none', async () => {
  for (const hex of ['0x1', '0xzz', '0x 12', 'xyz', '0x0x00', '0x\\u0000', '\\ud83d\\ude00']) {
    await refusedBoth(rawRequest('state_getStorage', `"${hex}"`), PARAMS, 7_000);
    await refusedBoth(rawRequest('author_submitExtrinsic', `"${hex}"`), PARAMS, 7_000);
  }
  for (const hash of ['0x', '0x12', `0x${'0'.repeat(62)}`, `0x${'0'.repeat(66)}`]) await refusedBoth(rawRequest('chain_getHeader', `"${hash}"`), PARAMS, 7_000);
});

await check('hex as lenient as clients need it', async () => {
  const key = '26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac'; // System.Number
  const genesis = await rpc.call('chain_getBlockHash', 0);
  const value = await rpc.call('state_getStorage', `0x${key}`, genesis);
  for (const same of [key, key.toUpperCase(), `0x${key.toUpperCase()}`]) assert.equal(await rpc.call('state_getStorage', same, genesis), value, same);
  assert.equal(await rpc.call('state_call', 'Core_version', '', genesis), await rpc.call('state_call', 'Core_version', '0x', genesis));
  for (const zero of [0, '0x0', '0x00', null]) {
    const hash = await rpc.call('chain_getBlockHash', zero);
    assert(zero === null ? /^0x[0-9a-f]{64}$/.test(hash) : hash === genesis, String(zero));
  }
  assert.deepEqual(await rpc.call('chain_getBlockHash', [0, '0x0', 4_000_000_000]), [genesis, genesis, null]);
  for (const params of ['null', '[]', '[null]', '[null,null,null]']) {
    rpc.send(request('chain_getHeader', params));
    assert((await rpc.frames.next('header')).result.parentHash, params);
  }
  rpc.send('{"jsonrpc":"2.0","id":7000,"method":"chain_getHeader"}');
  assert((await rpc.frames.next('header')).result.parentHash, 'no params at all');
});

await check('nesting far deeper than any stack', async () => {
  for (const [open, close] of [['[', ']'], ['{"a":', '}']]) {
    const deep = open.repeat(200_000) + '1' + close.repeat(200_000);
    for (const method of ['chain_getBlockHash', 'state_queryStorageAt', 'state_getStorage']) await refusedBoth(rawRequest(method, deep), PARAMS, 7_000);
    rpc.send(rawRequest('system_name', deep));
    assert.equal((await rpc.frames.next('name')).result, 'Quire', 'surplus parameters are not looked at');
  }
  await refusedBoth('['.repeat(200_000), PARSE);
  await refusedBoth('{"a":'.repeat(50_000), PARSE);
});

await check('batches: junk is answered item by item, notifications not at all', async () => {
  const batch = `[1,${request('system_name', '[]', 7_001)},"x",null,[],{},${request('nope', '[]', 7_002)},{"jsonrpc":"2.0","method":"system_name"}]`;
  rpc.send(batch);
  for (const answers of [await rpc.frames.next('batch'), (await post(http, batch)).json]) {
    assert(Array.isArray(answers));
    assert.deepEqual(answers.filter(one => one.id === null).map(one => one.error.code), [REQUEST, REQUEST, REQUEST, REQUEST, REQUEST]);
    assert.equal(answers.find(one => one.id === 7_001).result, 'Quire');
    assert.equal(answers.find(one => one.id === 7_002).error.code, METHOD);
    assert.equal(answers.length, 7);
  }
  const many = count => `[${Array.from({ length: count }, (_, n) => request('system_name', '[]', 8_000 + n)).join()}]`;
  rpc.send(many(1_000));
  assert.equal((await rpc.frames.next('batch')).length, 1_000);
  await refusedBoth(many(1_001), BATCH_TOO_BIG);
});

await check('oversized requests: an error over WebSocket, 413 over HTTP before the body is sent', async () => {
  const padded = size => rawRequest('system_name', `"${'a'.repeat(size - rawRequest('system_name', '""').length)}"`);
  rpc.send(padded(15 * MIB));
  assert.equal((await rpc.frames.next('name')).result, 'Quire', 'as large as allowed');
  rpc.send(padded(15 * MIB + 1));
  const answer = await rpc.frames.next('error');
  assert.equal(answer.error.code, TOO_BIG);
  await alive();
  const { hostname, port } = new URL(http);
  const status = await new Promise((done, failed) => {
    const socket = tcp(Number(port), hostname, () => socket.write(
      `POST / HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\nContent-Length: ${100 * MIB}\r\n\r\n{`));
    socket.once('data', data => { socket.destroy(); done(String(data).split('\r\n')[0]); });
    socket.once('error', failed);
  });
  assert.match(status, /^HTTP\/1.1 413 /);
});

await check('binary frames are read like text, and junk in them is a parse error', async () => {
  rpc.send(Buffer.from(rawRequest('system_name', '')), { binary: true });
  assert.equal((await rpc.frames.next('name')).result, 'Quire');
  for (const size of [1, 1_000, MIB]) {
    rpc.send(Buffer.alloc(size, 0xa5), { binary: true });
    assert.equal((await rpc.frames.next('error')).error.code, PARSE);
  }
  await rpc.ping();
  await alive();
});

await check('HTTP that is no JSON-RPC', async () => {
  assert.equal((await post(http, undefined, {}, 'PUT')).status, 405);
  assert.equal((await post(http, undefined, {}, 'DELETE')).status, 405);
  assert.equal((await post(http, '{}', { 'content-type': 'text/plain' })).status, 415);
  const subscribe = await post(http, request('chain_subscribeNewHeads', '[]'));
  assert(subscribe.json?.error, `subscriptions are refused over HTTP: ${subscribe.text}`);
});

/** Bytes on a new TCP connection until the node closes it; gives what it said. */
function speak(bytes, { wait = true } = {}) {
  const { hostname, port } = new URL(http);
  return new Promise((done, failed) => {
    const heard = [];
    const socket = tcp(Number(port), hostname, () => { for (const one of [].concat(bytes)) socket.write(one); if (!wait) done(socket); });
    const late = wait && setTimeout(() => { socket.destroy(); failed(new Error(`the node kept a broken connection open; it said ${Buffer.concat(heard)}`)); }, 10_000);
    socket.on('data', data => heard.push(data));
    socket.on('error', () => {});
    if (wait) socket.once('close', () => { clearTimeout(late); done(Buffer.concat(heard).toString('latin1')); });
  });
}

await check('bytes that are no HTTP and frames that are no WebSocket end the connection only', async () => {
  const upgrade = `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`;
  assert.match(await speak(Buffer.alloc(4_096, 0xff)), /^(HTTP\/1.1 400 .*)?/s);
  await speak(`${'x'.repeat(100)}\r\n\r\n`);
  const reserved = Buffer.from([0xf3, 0x80, 0, 0, 0, 0]);
  assert.match(await speak([upgrade, reserved]), /^HTTP\/1.1 101 /);
  const boundless = Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
  assert.match(await speak([upgrade, boundless]), /^HTTP\/1.1 101 /);
  await alive();
});

await check('connections that stop in the middle of a request do not keep others out', async () => {
  const silent = [];
  for (let n = 0; n < 200; n++) {
    silent.push(await speak(n % 2 ? [] : 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"jso', { wait: false }));
  }
  const other = await Rpc.connect(url);
  assert.equal(await other.call('system_name'), 'Quire');
  assert.equal((await post(http, request('system_name', '[]'))).json.result, 'Quire');
  await other.close();
  silent.forEach(socket => socket.destroy());
});

await check('the node went on making blocks', async () => {
  const heads = await rpc.subscribe('chain_subscribeNewHeads', 'chain_newHead');
  const [now, next] = [Number((await heads.next()).number), Number((await heads.next('new head')).number)];
  assert.equal(next, now + 1);
  await heads.until(({ number }) => Number(number) >= started + 2, 'block after the start');
  assert.equal(rpc.frames.unread, 0, 'no answer was left over');
});

await end();
