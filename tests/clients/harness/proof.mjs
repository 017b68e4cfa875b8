// An independent reader of read proofs: the state trie of Substrate, version 1, walked from the root by the key.
import { blake2AsU8a } from '@polkadot/util-crypto';
import { compactFromU8a, hexToU8a, u8aEq, u8aToHex } from '@polkadot/util';

const HASH_BYTES = 32;
const nibbles = bytes => Array.from(bytes).flatMap(byte => [byte >> 4, byte & 15]);

/** Kinds of nodes: how many bits say so, and what the node has. */
const KINDS = [
  { bits: 2, prefix: 0b01, leaf: true, value: 'inline' },
  { bits: 2, prefix: 0b10, leaf: false, value: null },
  { bits: 2, prefix: 0b11, leaf: false, value: 'inline' },
  { bits: 3, prefix: 0b001, leaf: true, value: 'hashed' },
  { bits: 4, prefix: 0b0001, leaf: false, value: 'hashed' },
];

function header(bytes) {
  const kind = KINDS.find(({ bits, prefix }) => bytes[0] >> (8 - bits) === prefix);
  if (!kind) throw new Error(`no node starts with ${bytes[0]}`);
  const most = 0xff >> kind.bits;
  let length = bytes[0] & most, at = 1;
  if (length === most) for (let more = 255; more === 255; at++) { more = bytes[at]; length += more; }
  const odd = length % 2;
  const path = nibbles(bytes.subarray(at, at + (length + odd) / 2)).slice(odd);
  return { kind, path, at: at + (length + odd) / 2 };
}

function sized(bytes, at) {
  const [offset, length] = compactFromU8a(bytes.subarray(at));
  const end = at + offset + length.toNumber();
  if (end > bytes.length) throw new Error('a node is cut short');
  return [bytes.subarray(at + offset, end), end];
}

/** The value of `key` under `root`, `null` when the proof shows its absence; throws when it proves neither. */
export function readProof(root, proof, key) {
  const nodes = new Map(proof.map(node => [u8aToHex(blake2AsU8a(hexToU8a(node))), hexToU8a(node)]));
  const fetch = (reference, what) => {
    if (what === 'child' && reference.length < HASH_BYTES) return reference;
    const found = nodes.get(u8aToHex(reference));
    if (!found) throw new Error(`the proof lacks the ${what} ${u8aToHex(reference)}`);
    return found;
  };
  let node = fetch(hexToU8a(root), 'root'), rest = nibbles(hexToU8a(key));
  for (;;) {
    if (node.length === 1 && node[0] === 0) return null;
    const { kind, path, at: start } = header(node);
    if (!u8aEq(path, rest.slice(0, path.length)) || rest.length < path.length) return null;
    rest = rest.slice(path.length);
    let at = start, bitmap = 0, value = null;
    if (!kind.leaf) { bitmap = node[at] | node[at + 1] << 8; at += 2; }
    if (kind.value === 'inline') [value, at] = sized(node, at);
    if (kind.value === 'hashed') { value = node.subarray(at, at + HASH_BYTES); at += HASH_BYTES; }
    if (rest.length === 0) return value === null ? null : u8aToHex(kind.value === 'hashed' ? fetch(value, 'value') : value);
    if (kind.leaf || !(bitmap >> rest[0] & 1)) return null;
    let child;
    for (let index = 0; index <= rest[0]; index++) if (bitmap >> index & 1) [child, at] = sized(node, at);
    node = fetch(child, 'child');
    rest = rest.slice(1);
  }
}
