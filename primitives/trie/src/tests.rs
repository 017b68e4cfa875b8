//! Tests of the trie.
