//! `blob seal IN OUT`: strips a freshly built module and stamps it with the digest of its sources, so that
//! `OUT` (a path of `blob::BLOBS`) can be checked in. `blob check`: says whether the checked-in blobs are current.

use quire_tests::{
    blob::{self, BLOBS, Blob},
    root,
};
use std::{error::Error, fs, process::ExitCode};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["seal", input, output] => seal(input, output),
        ["check"] => check(),
        _ => Err("usage: blob seal BUILT.wasm PATH_OF_A_CHECKED_IN_BLOB | blob check".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn seal(input: &str, output: &str) -> Result<(), Box<dyn Error>> {
    let blob = BLOBS
        .iter()
        .find(|b| b.path == output)
        .ok_or_else(|| format!("{output}: not a blob that this repository checks in"))?;
    let digest = blob::sources_digest(&root(), blob.sources)?;
    let built = fs::read(input).map_err(|e| format!("{input}: {e}"))?;
    let sealed = blob::seal(&built, &digest)?;
    let path = root().join(output);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, &sealed)?;
    println!("{output}: {} bytes, sources {}", sealed.len(), hex::encode(digest));
    Ok(())
}

fn check() -> Result<(), Box<dyn Error>> {
    for Blob { path, sources } in &BLOBS {
        let wasm =
            fs::read(root().join(path)).map_err(|e| format!("{path}: {e}; run runtime/build-wasm.sh"))?;
        let (want, got) = (blob::sources_digest(&root(), sources)?, blob::sealed_digest(&wasm)?);
        if got != Some(want) {
            return Err(
                format!("{path} is older than its sources; run runtime/build-wasm.sh and commit it").into()
            );
        }
        println!("{path}: current");
    }
    Ok(())
}
