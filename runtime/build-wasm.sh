#!/usr/bin/env bash
# Builds the Wasm blobs that chain specs embed and stamps each with the digest of its sources.
# Usage: runtime/build-wasm.sh [--check]
#   (nothing)  rebuild and replace the checked-in blobs; commit them with the change that needs them
#   --check    rebuild into the target folder only, and fail when a checked-in blob differs from the fresh one
#              although the same compiler built both, or when it is older than its sources
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(pwd)
target=wasm32v1-none
out=${CARGO_TARGET_DIR:-$root/target}
mode=${1:-write}

# The target: by rustup, else with Debian's sources of the standard library.
std_flags=()
if ! rustc --print target-libdir --target $target >/dev/null 2>&1 || [ ! -d "$(rustc --print target-libdir --target $target)" ]; then
  if command -v rustup >/dev/null; then
    rustup target add $target
  else
    dpkg -s rust-web-src lld-22 >/dev/null 2>&1 || apt-get install -y rust-web-src lld-22
    export RUSTC_BOOTSTRAP=1
    std_flags=(-Z build-std=core,alloc)
  fi
fi

# Paths of this machine must not reach the blob (they are in panic messages), or two members build two chains.
export CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f%s\x1f%s\x1f%s\x1f%s\x1f%s' \
  "--remap-path-prefix=$root=quire" \
  "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
  "--remap-path-prefix=$(rustc --print sysroot)=rust" \
  -Clink-arg=--export=__heap_base \
  -Clink-arg=-zstack-size=262144 \
  -Cpanic=abort)

# First the runtime that tests upgrade to: both builds leave their module under one name.
cargo rustc -q --locked -p quire-runtime --features upgrade-fixture --lib --crate-type cdylib --profile wasm --target $target "${std_flags[@]}"
cp "$out/$target/wasm/quire_runtime.wasm" "$out/$target/wasm/upgrade_fixture.wasm"
cargo rustc -q --locked -p quire-runtime --lib --crate-type cdylib --profile wasm --target $target "${std_flags[@]}"
for program in runtime/programs/*/; do
  cargo build -q --locked --manifest-path "$program/Cargo.toml" --profile wasm --target $target --target-dir "$out/programs" "${std_flags[@]}"
done

unset CARGO_ENCODED_RUSTFLAGS
cargo build -q --locked --workspace --bin blob
blob=$out/debug/blob
built() { # path of the checked-in blob -> path of the fresh module
  case $1 in
    runtime/wasm/*) echo "$out/$target/wasm/$(basename "$1")" ;;
    runtime/programs/*) echo "$out/programs/$target/wasm/program_$(basename "$1")" ;;
  esac
}
for path in runtime/wasm/{quire_runtime,upgrade_fixture}.wasm runtime/programs/*/*.wasm; do
  [ "$mode" = --check ] && cp "$path" "$out/checked-in.wasm"
  "$blob" seal "$(built "$path")" "$path"
  if [ "$mode" = --check ]; then
    cp "$path" "$out/fresh-$(basename "$path")"
    cp "$out/checked-in.wasm" "$path"
    cmp -s "$out/fresh-$(basename "$path")" "$path" || echo "note: $path differs from a fresh build with $(rustc --version)"
  fi
done
if [ "$mode" = --check ]; then "$blob" check; fi
