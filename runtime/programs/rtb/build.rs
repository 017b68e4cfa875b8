//! Programs must declare how far their memory may grow: 64 pages, 4 MiB.

fn main() {
    println!("cargo::rustc-link-arg-cdylib=--max-memory=4194304");
    println!("cargo::rerun-if-changed=build.rs");
}
