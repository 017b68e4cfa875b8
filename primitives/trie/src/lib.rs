//! quire-trie.
