// Blocks made and finalised on order: a node with `--sealing manual` does nothing by itself, so nothing races.
import { Rpc } from './rpc.mjs';

export const MANUAL = ['--sealing', 'manual'];

/** Orders to a node with manual sealing. */
export async function sealer(url) {
  const rpc = await Rpc.connect(url);
  return {
    rpc,
    /** Makes a block on `parent` or the best block; gives its hash. */
    async block({ parent = null, finalize = false } = {}) {
      return (await rpc.call('engine_createBlock', true, finalize, parent)).hash;
    },
    /** Makes `count` empty or full blocks in a row; gives the hash of the last. */
    async blocks(count, options) {
      let hash = null;
      for (let n = 0; n < count; n++) hash = await this.block(options);
      return hash;
    },
    finalize: hash => rpc.call('engine_finalizeBlock', hash, null),
    /** Number and hash of the best block. */
    async best() {
      const hash = await rpc.call('chain_getBlockHash');
      return { hash, number: Number((await rpc.call('chain_getHeader', hash)).number) };
    },
  };
}
