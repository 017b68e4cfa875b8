use super::*;
use proptest::prelude::*;
use schnorrkel::{Keypair, MiniSecretKey};
use std::collections::BTreeMap;
use std::sync::Mutex;

type Made = BTreeMap<([u8; 32], Vec<u8>), [u8; 64]>;

static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());

/// A signer for tests: it remembers nothing and refuses nothing.
pub(crate) struct TestSigner(pub(crate) Keypair);

impl TestSigner {
    pub(crate) fn new(seed: u8) -> TestSigner {
        let secret = MiniSecretKey::from_bytes(&[seed; 32]).expect("32 bytes");
        TestSigner(secret.expand_to_keypair(schnorrkel::ExpansionMode::Ed25519))
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.0.public.to_bytes()
    }

    /// The same signature for the same payload, so that what is built from it can be compared.
    pub(crate) fn sign(&self, payload: &[u8]) -> [u8; 64] {
        let mut made = MADE.lock().expect("no test panics while it holds this");
        let sign = || self.0.sign_simple(SIGNING_CONTEXT, payload).to_bytes();
        *made.entry((self.public(), payload.to_vec())).or_insert_with(sign)
    }
}

impl BatchSigner for TestSigner {
    fn sign_batches(&self, headers: &[BatchHeader]) -> Result<Vec<[u8; 64]>, String> {
        Ok(headers.iter().map(|header| self.sign(&header.signing_bytes())).collect())
    }
}

fn keys() -> ChannelKeys {
    ChannelKeys::new(&[TestSigner::new(1).public(), TestSigner::new(2).public(), [0xff; 32]])
}

fn check(sender: u8, text: u8) -> SignatureCheck {
    let payload = vec![text; 20];
    SignatureCheck { sender, signature: TestSigner::new(sender + 1).sign(&payload), payload }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn r1_many_agree_with_single(faults in proptest::collection::vec((0u8..12, 0u8..4), 0..150)) {
        let checks: Vec<SignatureCheck> = faults
            .iter()
            .map(|(fault, sender)| {
                let mut check = check(*sender, *fault);
                match fault {
                    0 => check.signature[3] ^= 1,
                    1 => check.signature = [0; 64],
                    2 => check.payload.push(0),
                    3 => check.signature[63] &= 0x7f,
                    _ => {}
                }
                check
            })
            .collect();
        let keys = keys();
        let single: Vec<bool> =
            checks.iter().map(|check| keys.verify(check.sender, &check.payload, &check.signature)).collect();
        prop_assert_eq!(keys.verify_many(&checks), single);
    }
}

#[test]
fn r1_all_culprits_are_found_among_many() {
    let mut checks: Vec<SignatureCheck> = (0..200).map(|text| check(text % 2, text)).collect();
    for wrong in [0, 63, 64, 199] {
        checks[wrong].payload[0] ^= 1;
    }
    let answers = keys().verify_many(&checks);
    let found: Vec<usize> = (0..200).filter(|place| !answers[*place]).collect();
    assert_eq!(found, [0, 63, 64, 199]);
}

#[test]
fn unknown_senders_and_impossible_keys_verify_nothing() {
    assert_eq!(keys().verify_many(&[check(0, 1), check(2, 1), check(3, 1)]), [true, false, false]);
}
