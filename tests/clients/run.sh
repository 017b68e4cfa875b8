#!/usr/bin/env bash
# Unmodified clients against a real node: every suite of this folder, and the scripts beside the checkout when they are
# there. Each suite prints one line per check; the exit code is 1 when any failed.
#
#   tests/clients/run.sh [--node BINARY] [GROUP...]
#
# Groups: js (every *.mjs), python, subxt, shared. Without one all of them run. Installed packages and the builds of
# subxt go to a cache folder outside the checkout; the first run needs the package registries and some minutes.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
shared=$(cd "$root/.." && pwd)/shared/clients
cache=${XDG_CACHE_HOME:-$HOME/.cache}/quire-ci/clients
node=${CARGO_TARGET_DIR:-$root/target}/release/quire
groups=()
while [ $# -gt 0 ]; do
  case $1 in
    --node) node=$2; shift 2 ;;
    -h | --help) sed -n '2,8p' "$0" | cut -c3-; exit 0 ;;
    *) groups+=("$1"); shift ;;
  esac
done
[ ${#groups[@]} -gt 0 ] || groups=(js python subxt shared)
[ -x "$node" ] || { echo "no node at $node: build it with cargo build --release, or give --node BINARY"; exit 2; }
node=$(realpath "$node")

work=$(mktemp -d)
failed=()
pid=
stop_node() { [ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; pid=; }
trap 'stop_node; rm -rf "$work"' EXIT

start_node() { # log file; sets url
  "$node" --dev --base-path "$work/dev" --rpc-port 0 --port 0 --no-prometheus 2> "$1" &
  pid=$!
  for _ in $(seq 150); do
    url=ws://$(sed -nE 's/.*Running JSON-RPC server: addr=([0-9.:]+).*/\1/p' "$1")
    [ "$url" != ws:// ] && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  echo "the node did not open its RPC port:"
  tail -20 "$1"
  exit 1
}

try() { # name, seconds, command...
  local name=$1 seconds=$2 from=$SECONDS
  shift 2
  timeout "$seconds" "$@" 2> "$work/stderr"
  local code=$?
  # What a suite says on standard error is shown when it fails; libraries warn there about what they do not use.
  if [ $code -ne 0 ]; then
    failed+=("$name")
    echo "FAILED $name (exit $code) after $((SECONDS - from)) s: $*"
    tail -30 "$work/stderr"
    [ -f "$work/dev.log" ] && { echo "--- the shared node's last lines"; tail -15 "$work/dev.log"; }
  fi
}

# Not npm ci: it insists on packages of other platforms, which not every registry has.
install_js() { # once per lock file
  local store=$cache/js-$(sha256sum "$here/package-lock.json" | cut -c1-16)
  if [ ! -f "$store/.installed" ]; then
    mkdir -p "$store" && cp "$here/package.json" "$here/package-lock.json" "$store/" &&
      (cd "$store" && npm install --silent 2> "$work/npm.log") && touch "$store/.installed" || { tail -20 "$work/npm.log"; return 1; }
  fi
  [ -d "$here/node_modules" ] && [ ! -L "$here/node_modules" ] || ln -sfn "$store/node_modules" "$here/node_modules"
  js=$store
}

install_python() { # once per list of requirements
  local store=$cache/python-$(sha256sum "$here/requirements.txt" | cut -c1-16)
  if [ ! -f "$store/.installed" ]; then
    python3 -m venv "$store" && "$store/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" &&
      touch "$store/.installed" || return 1
  fi
  python=$store/bin/python
}

run_js() { # a suite that needs flags of its own on the node says so where it opens
  local file
  for file in "$here"/*.mjs; do
    if grep -q 'await suite(.*own:' "$file"; then set --; else set -- "$url"; fi
    try "$(basename "$file" .mjs)" 70 node "$file" "$@" --node "$node"
  done
}

run_python() {
  install_python || { failed+=(python); echo "FAILED python: its packages could not be installed"; return; }
  try interface 70 "$python" "$here/interface.py" "$url"
}

build_subxt() { # folder of a program; sets subxt to its binary
  local target=$cache/subxt-target
  CARGO_TARGET_DIR=$target CARGO_PROFILE_DEV_DEBUG=0 cargo build --quiet --manifest-path "$1/Cargo.toml" || return 1
  subxt=$target/debug/$(sed -nE 's/^name = "(.*)"/\1/p' "$1/Cargo.toml" | head -1)
}

run_subxt() { # folder, name
  if build_subxt "$1"; then try "$2" 70 "$subxt" "$url"; else failed+=("$2"); echo "FAILED $2: it does not build"; fi
}

run_shared() { # scripts that also pass against other Substrate chains
  [ -d "$shared" ] || { echo "skip shared: no client scripts at $shared"; return; }
  local copy=$js/shared
  rm -rf "$copy" && cp -r "$shared" "$copy"
  try pjs 70 node "$copy/pjs.mjs" "$url"
  try papi 70 node "$copy/papi.mjs" "$url"
  install_python && try py_client 70 "$python" "$copy/py_client.py" "$url"
  # The same versions as our own program, so that they are built once.
  cp "$here/subxt/Cargo.lock" "$copy/subxt/" && run_subxt "$copy/subxt" subxt_client
  "$node" build-spec --chain dev --raw > "$work/dev.json"
  try smoldot 70 node "$copy/smoldot.mjs" "$work/dev.json" --genesis "$(genesis_hash)"
}

genesis_hash() {
  curl -s -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"chain_getBlockHash","params":[0]}' \
    "http${url#ws}" | sed -E 's/.*"result":"(0x[0-9a-f]{64})".*/\1/'
}

install_js || { echo "FAILED: the packages of $here/package-lock.json could not be installed"; exit 1; }
start_node "$work/dev.log"
for group in "${groups[@]}"; do
  case $group in
    js) run_js ;;
    python) run_python ;;
    subxt) run_subxt "$here/subxt" subxt ;;
    shared) run_shared ;;
    *) echo "no group $group: js, python, subxt, shared"; exit 2 ;;
  esac
done
stop_node
if [ ${#failed[@]} -gt 0 ]; then echo "clients: failed: ${failed[*]}"; exit 1; fi
echo "clients: all passed in $SECONDS s"
