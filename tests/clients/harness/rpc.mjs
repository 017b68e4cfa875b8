// JSON-RPC without a client library: what goes over the wire, byte for byte.
import { WebSocket } from 'ws';

const REPLY_MS = 15_000;

/** An error object of the node. */
export class RpcError extends Error {
  constructor({ code, message, data }, method) {
    super(`${method}: ${code}: ${message}${data === undefined ? '' : `: ${JSON.stringify(data)}`}`);
    Object.assign(this, { code, text: message, data });
  }
}

/** A queue whose reader waits; items come in the order in which they arrived. */
export class Stream {
  #items = [];
  #waiting = [];
  #ended = null;
  seen = [];
  push(item) {
    this.seen.push(item);
    const next = this.#waiting.shift();
    if (next) next.found(item); else this.#items.push(item);
  }
  end(why) { this.#ended = why; this.#waiting.splice(0).forEach(one => one.failed(why)); }
  /** The next item. */
  async next(what = 'item', ms = REPLY_MS) {
    if (this.#items.length) return this.#items.shift();
    if (this.#ended) throw this.#ended;
    return new Promise((resolve, reject) => {
      const one = {};
      const late = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(one), 1);
        reject(new Error(`no ${what} in ${ms} ms; so far ${JSON.stringify(this.seen, (_, value) => typeof value === 'bigint' ? String(value) : value).slice(0, 400)}`));
      }, ms);
      one.found = item => { clearTimeout(late); resolve(item); };
      one.failed = why => { clearTimeout(late); reject(why); };
      this.#waiting.push(one);
    });
  }
  /** Items that came and were not read. */
  get unread() { return this.#items.length; }
  /** Reads on until `wanted` holds, and gives that item. */
  async until(wanted, what = 'wanted item', ms = REPLY_MS) {
    for (;;) {
      const item = await this.next(what, ms);
      if (wanted(item)) return item;
    }
  }
}

/** A WebSocket connection: `call`, `subscribe`, and `send` for what is no request at all. */
export class Rpc {
  #socket; #next = 1; #calls = new Map(); #subscriptions = new Map();
  frames = new Stream();
  closed;
  static async connect(url, options = {}) {
    const rpc = new Rpc();
    rpc.#socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 64 << 20, ...options });
    rpc.closed = new Promise(done => rpc.#socket.once('close', (code, reason) => {
      const why = new Error(`connection closed: ${code} ${reason}`);
      rpc.#calls.forEach(call => call.reject(why));
      rpc.#subscriptions.forEach(stream => stream.end(why));
      rpc.frames.end(why);
      done({ code, reason: String(reason) });
    }));
    rpc.#socket.on('message', text => rpc.#take(String(text)));
    await new Promise((open, failed) => { rpc.#socket.once('open', open); rpc.#socket.once('error', failed); });
    rpc.#socket.on('error', () => {});
    return rpc;
  }
  #take(text) {
    const message = JSON.parse(text);
    const call = this.#calls.get(message.id);
    if (call) {
      this.#calls.delete(message.id);
      // A subscription exists from its reply on, not from when its promise is looked at.
      if (call.stream && 'result' in message) this.#subscriptions.set(message.result, call.stream);
      if ('error' in message) call.reject(new RpcError(message.error, call.method)); else call.resolve(message.result);
    } else if (message.method && this.#subscriptions.has(message.params?.subscription)) {
      const stream = this.#subscriptions.get(message.params.subscription);
      const { error } = message.params;
      if (error !== undefined) stream.end(new Error(`${message.method} ended: ${JSON.stringify(error)}`));
      else if (stream.notification !== message.method) stream.end(new Error(`notified as ${message.method}, not ${stream.notification}`));
      else stream.push(message.params.result);
    } else this.frames.push(message);
  }
  #request(method, params, stream) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => { this.#calls.delete(id); reject(new Error(`${method}: no reply in ${REPLY_MS} ms`)); }, REPLY_MS);
      const done = settle => value => { clearTimeout(late); settle(value); };
      this.#calls.set(id, { method, stream, resolve: done(resolve), reject: done(reject) });
      this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }
  call(method, ...params) { return this.#request(method, params); }
  /** A stream of notifications of this name; `stream.id` is the subscription. */
  async subscribe(method, notification, ...params) {
    const stream = Object.assign(new Stream(), { notification });
    stream.id = await this.#request(method, params, stream);
    return stream;
  }
  /** Sends bytes or text as they are; answers without a known id come out of `frames`. */
  send(frame, options) { this.#socket.send(frame, options); }
  ping() { return new Promise(done => { this.#socket.once('pong', done); this.#socket.ping(); }); }
  close() { this.#socket.close(); return this.closed; }
  /** Drops the TCP connection without a word. */
  drop() { this.#socket.terminate(); }
}

/** One HTTP POST; gives status and body, parsed when it is JSON. */
export async function post(url, body, headers = { 'content-type': 'application/json' }, method = 'POST') {
  const response = await fetch(url, { method, body, headers });
  const text = await response.text();
  let json;
  try { json = JSON.parse(text); } catch { json = undefined; }
  return { status: response.status, headers: response.headers, text, json };
}
