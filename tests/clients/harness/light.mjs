// smoldot as its users run it: a chain spec goes in, JSON-RPC comes out; everything in between is peer to peer.
import { start } from 'smoldot';
import { RpcError, Stream } from './rpc.mjs';

/** The raw spec of a running node with its own WebSocket address as boot node. */
export function withBootNode(spec, addresses) {
  const ws = addresses.filter(one => one.includes('/ws/'));
  if (!ws.length) throw new Error(`the node listens on no WebSocket address: ${addresses}`);
  return JSON.stringify({ ...JSON.parse(spec), bootNodes: ws });
}

/** Final blocks that stay pinned; smoldot ends a subscription that holds more than a few dozen. */
const PINNED = 8;

/** A light client that follows one chain. The last final blocks can be asked about, older ones are let go. */
export class LightClient {
  #client; #chain; #next = 1; #calls = new Map(); #operations = new Map(); #pinned = [];
  events = new Stream();
  log = [];

  static async connect(spec) {
    const light = new LightClient();
    light.#client = start({
      maxLogLevel: 3,
      logCallback: (level, target, message) => {
        light.log.push(`[${target}] ${message.slice(0, 300)}`);
        if (light.log.length > 200) light.log.shift();
      },
    });
    light.#chain = await light.#client.addChain({ chainSpec: spec });
    light.#read();
    light.follow = await light.call('chainHead_v1_follow', true);
    return light;
  }

  async #read() {
    try {
      for (;;) {
        const message = JSON.parse(await this.#chain.nextJsonRpcResponse());
        if (message.id !== undefined && message.id !== null) this.#calls.get(message.id)?.(message);
        else this.#event(message.params.result);
      }
    } catch (error) {
      this.events.end(error);
    }
  }

  #event(event) {
    if (!event.operationId) {
      this.#pinned.push(...event.finalizedBlockHashes ?? []);
      const unpin = [...event.prunedBlockHashes ?? [], ...this.#pinned.splice(0, Math.max(0, this.#pinned.length - PINNED))];
      if (unpin.length) this.call('chainHead_v1_unpin', this.follow, unpin).catch(error => this.events.end(error));
      return this.events.push(event);
    }
    const stream = this.#operations.get(event.operationId) ?? new Stream();
    this.#operations.set(event.operationId, stream);
    stream.push(event);
  }

  call(method, ...params) {
    const id = String(this.#next++);
    return new Promise((found, failed) => {
      this.#calls.set(id, ({ result, error }) => {
        this.#calls.delete(id);
        if (error) failed(new RpcError(error, method)); else found(result);
      });
      this.#chain.sendJsonRpc(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  /** Starts an operation and gives its last event; anything but `done` is an error. */
  async #operation(done, method, ...params) {
    const started = await this.call(method, this.follow, ...params);
    if (started.result !== 'started') throw new Error(`${method}: ${JSON.stringify(started)}`);
    const stream = this.#operations.get(started.operationId) ?? new Stream();
    this.#operations.set(started.operationId, stream);
    const items = [];
    for (;;) {
      const event = await stream.next(`answer to ${method}`, 40_000);
      if (event.event === 'operationStorageItems') items.push(...event.items);
      else if (event.event === done) return { ...event, items };
      else throw new Error(`${method}: ${JSON.stringify(event)}`);
    }
  }

  /** A runtime call, proved by a peer and run by the light client. */
  async runtime(block, entry, data = '0x') {
    return (await this.#operation('operationCallDone', 'chainHead_v1_call', block, entry, data)).output;
  }

  /** A value of the state, with a peer's proof; null if there is none. */
  async value(block, key) {
    const { items } = await this.#operation('operationStorageDone', 'chainHead_v1_storage', block, [{ key, type: 'value' }], null);
    return items[0]?.value ?? null;
  }

  /** Number of a block that is pinned. */
  async number(block) {
    const header = Buffer.from((await this.call('chainHead_v1_header', this.follow, block)).slice(2), 'hex');
    const first = header[32];
    const number = [() => first >> 2, () => header.readUInt16LE(32) >> 2, () => header.readUInt32LE(32) >>> 2][first & 3];
    return number();
  }

  async stop() { await this.#client.terminate().catch(() => {}); }
}
