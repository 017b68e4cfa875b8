use super::*;

fn custom(name: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = vec![name.len() as u8];
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(payload);
    let mut out = vec![0, body.len() as u8];
    out.extend_from_slice(&body);
    out
}

fn module(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = WASM_HEADER.to_vec();
    parts.iter().for_each(|p| out.extend_from_slice(p));
    out
}

#[test]
fn r1_sealing_is_read_back_and_replaces_an_older_seal() {
    let plain = module(&[vec![1, 1, 0], custom("keep", b"x")]);
    let once = seal(&plain, &[7; 32]).unwrap();
    assert_eq!(sealed_digest(&once), Ok(Some([7; 32])));
    let twice = seal(&once, &[8; 32]).unwrap();
    assert_eq!(sealed_digest(&twice), Ok(Some([8; 32])));
    assert_eq!(once.len(), twice.len());
    assert_eq!(sealed_digest(&plain), Ok(None));
}

#[test]
fn r3_tests_do_not_count_as_sources() {
    let dir = tempfile::tempdir().unwrap();
    let src = dir.path().join("a/src/inner");
    fs::create_dir_all(&src).unwrap();
    fs::write(dir.path().join("a/Cargo.toml"), "x").unwrap();
    fs::write(src.join("b.rs"), "1").unwrap();
    let before = sources_digest(dir.path(), &["a"]).unwrap();
    fs::write(src.join("tests.rs"), "2").unwrap();
    assert_eq!(before, sources_digest(dir.path(), &["a"]).unwrap());
    fs::write(src.join("b.rs"), "3").unwrap();
    assert_ne!(before, sources_digest(dir.path(), &["a"]).unwrap());
}

#[test]
fn r4_noise_is_removed_and_the_rest_kept() {
    let sealed =
        seal(&module(&[custom("name", b"n"), vec![1, 1, 0], custom("keep", b"x")]), &[0; 32]).unwrap();
    assert!(sealed.starts_with(&module(&[vec![1, 1, 0], custom("keep", b"x")])));
}

#[test]
fn malformed_modules_are_errors() {
    assert_eq!(sealed_digest(b"\0asm"), Err(BlobError::NotWasm));
    assert_eq!(sealed_digest(&module(&[vec![1, 200, 1]])), Err(BlobError::Truncated { at: 8 }));
    assert_eq!(sealed_digest(&module(&[vec![0, 2, 9, 9]])), Err(BlobError::Truncated { at: 8 }));
}
