#!/usr/bin/env bash
# Rebuilds the channel programs shipped with Quire and replaces the checked-in blobs (runtime/programs/<name>/<name>.wasm).
# runtime/build-wasm.sh does the same for everything; this is the short way while writing a program.
# Each blob gets the custom section `quire_sources`: SHA-256 over its sources as defined by R2 and R3 of tests/src/blob.rs
# (Cargo.toml, build.rs and src/**/*.rs in path order, each as path length u32 LE, path, content length u64 LE, content).
# `cargo test -p quire-tests` fails when a blob is older than its sources.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(pwd)
target=wasm32v1-none
out=${CARGO_TARGET_DIR:-$root/target}

# Paths of this machine must not reach the blob; same flags as runtime/build-wasm.sh.
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f%s\x1f%s\x1f%s\x1f%s\x1f%s' \
  "--remap-path-prefix=$root=quire" \
  "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
  "--remap-path-prefix=$(rustc --print sysroot)=rust" \
  -Clink-arg=--export=__heap_base \
  -Clink-arg=-zstack-size=262144 \
  -Cpanic=abort)
export CARGO_ENCODED_RUSTFLAGS
for program in runtime/programs/*/; do
  cargo build -q --locked --manifest-path "$program/Cargo.toml" --profile wasm --target $target --target-dir "$out/programs"
done
unset CARGO_ENCODED_RUSTFLAGS

cargo build -q --locked -p quire-tests --bin blob
for program in runtime/programs/*/; do
  name=$(basename "$program")
  "$out/debug/blob" seal "$out/programs/$target/wasm/program_$name.wasm" "runtime/programs/$name/$name.wasm"
done
