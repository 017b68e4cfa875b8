use super::*;
use std::os::unix::fs::PermissionsExt;

fn alice(keystore: &Keystore, key_type: KeyTypeId) -> [u8; 32] {
    keystore.insert(key_type, "//Alice", None).unwrap()
}

#[test]
fn r1_files_are_those_of_substrate() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keystore");
    let keystore = Keystore::open(&path, Guard::in_memory()).unwrap();
    alice(&keystore, keys::AURA);
    alice(&keystore, keys::GRANDPA);
    let aura = path.join("61757261d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
    let gran = path.join("6772616e88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee");
    assert_eq!(std::fs::read_to_string(&aura).unwrap(), "\"//Alice\"");
    assert!(gran.exists());
    assert_eq!(std::fs::metadata(&aura).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    let again = Keystore::open(&path, Guard::in_memory()).unwrap();
    assert_eq!(again.aura_keys(), keystore.aura_keys());
    assert_eq!(again.grandpa_keys().len(), 1);
}

#[test]
fn r1_a_file_with_another_key_in_it_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let name = format!("61757261{}", "11".repeat(32));
    std::fs::write(directory.path().join(&name), "\"//Alice\"").unwrap();
    let error = Keystore::open(directory.path(), Guard::in_memory()).err().unwrap().to_string();
    assert!(error.contains(&name) && error.contains("another public key"), "{error}");
    std::fs::write(directory.path().join(&name), "//Alice").unwrap();
    assert!(Keystore::open(directory.path(), Guard::in_memory()).is_err());
}

#[test]
fn a_public_key_that_does_not_match_is_refused() {
    let keystore = Keystore::in_memory(Guard::in_memory());
    let wrong = keystore.insert(keys::AURA, "//Alice", Some(&[1; 32]));
    assert!(matches!(wrong, Err(KeystoreError::Mismatch { .. })));
    assert!(keystore.aura_keys().is_empty());
}

#[test]
fn r2_one_slot_is_sealed_once() {
    let keystore = Keystore::in_memory(Guard::in_memory());
    let author = AuraId(alice(&keystore, keys::AURA));
    keystore.sign_seal(&author, Slot(1), H256([1; 32])).unwrap();
    let second = keystore.sign_seal(&author, Slot(1), H256([2; 32]));
    assert!(matches!(second, Err(KeystoreError::Permit(PermitError::Conflict(_)))));
}

#[test]
fn r2_one_round_is_voted_once() {
    let keystore = Keystore::in_memory(Guard::in_memory());
    let id = GrandpaId(alice(&keystore, keys::GRANDPA));
    let vote =
        |target: u8| Vote { id, set_id: 0, round: 1, target_hash: H256([target; 32]), target_number: 1 };
    keystore.sign_precommit(&vote(1)).unwrap();
    keystore.sign_precommit(&vote(1)).unwrap();
    assert!(keystore.sign_precommit(&vote(2)).is_err());
}

#[test]
fn unknown_keys_sign_nothing() {
    let keystore = Keystore::in_memory(Guard::in_memory());
    let missing = keystore.sign_extrinsic(&[1; 32], b"payload").err().unwrap().to_string();
    assert!(missing.contains("acco") && missing.contains(&"01".repeat(32)), "{missing}");
    assert!(keystore.sign_seal(&AuraId([1; 32]), Slot(1), H256::ZERO).is_err());
    assert!(keystore.sealing_secret(&[1; 32]).is_err());
}

#[test]
fn sealing_keys_agree_with_each_other() {
    let keystore = Keystore::in_memory(Guard::in_memory());
    let (alice, bob) =
        (keystore.add(keys::SEALING, "//Alice").unwrap(), keystore.add(keys::SEALING, "//Bob").unwrap());
    let shared = |secret: [u8; 32], public: [u8; 32]| {
        x25519_dalek::StaticSecret::from(secret).diffie_hellman(&public.into()).to_bytes()
    };
    let (a, b) = (keystore.sealing_secret(&alice).unwrap(), keystore.sealing_secret(&bob).unwrap());
    assert_eq!(shared(*a, bob), shared(*b, alice));
    assert_ne!(keystore.derive_secret(&alice, b"1").unwrap(), keystore.derive_secret(&alice, b"2").unwrap());
}

#[test]
fn r4_a_password_is_part_of_every_secret_and_in_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let open = |password: Option<&str>| {
        let password = password.map(|password| Zeroizing::new(password.to_owned()));
        Keystore::open_with_password(directory.path(), Guard::in_memory(), password)
    };
    let keystore = open(Some("secret")).unwrap();
    let public = alice(&keystore, keys::AURA);
    assert_eq!(public, Suri::parse("//Alice///secret").unwrap().sr25519().public());
    let file = directory.path().join(format!("61757261{}", hex::encode(public)));
    assert_eq!(std::fs::read_to_string(file).unwrap(), "\"//Alice\"");
    assert_eq!(open(Some("secret")).unwrap().aura_keys(), [AuraId(public)]);
    for wrong in [None, Some("other")] {
        let error = open(wrong).err().unwrap().to_string();
        assert!(error.contains("--password") && !error.contains("Alice"), "{error}");
    }
}

#[test]
fn r5_files_that_appear_are_used_and_useless_ones_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let running = Keystore::open(directory.path(), Guard::in_memory()).unwrap();
    assert!(running.aura_keys().is_empty());
    let other = Keystore::open(directory.path(), Guard::in_memory()).unwrap();
    let key = AuraId(alice(&other, keys::AURA));
    std::fs::write(directory.path().join(format!("61757261{}", "11".repeat(32))), "\"//Bob\"").unwrap();
    std::fs::write(directory.path().join("notes"), "no key").unwrap();
    assert_eq!(running.aura_keys(), [key]);
    running.sign_seal(&key, Slot(1), H256([1; 32])).unwrap();
    assert!(running.has(keys::AURA, &key.0) && !running.has(keys::AURA, &[0x11; 32]));
}

#[test]
fn new_keys_differ_and_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let keystore = Keystore::open(directory.path(), Guard::in_memory()).unwrap();
    let (first, second) =
        (keystore.generate(keys::GRANDPA, None).unwrap(), keystore.generate(keys::GRANDPA, None).unwrap());
    assert_ne!(first, second);
    let given = keystore.generate(keys::GRANDPA, Some("//Alice")).unwrap();
    assert_eq!(given, Suri::parse("//Alice").unwrap().ed25519().unwrap().public());
    let again = Keystore::open(directory.path(), Guard::in_memory()).unwrap();
    assert_eq!(again.public_keys(keys::GRANDPA).len(), 3);
}
