//! Codes, messages and data as Substrate's clients know them.

use super::*;

#[test]
#[allow(clippy::too_many_lines, reason = "one row per variant")]
fn every_variant_has_its_code_message_and_data() {
    let hash = H256([0xab; 32]);
    let hex = format!("0x{}", "ab".repeat(32));
    let table: Vec<(PoolError, i32, &str, Option<&str>)> = vec![
        (PoolError::BadFormat { reason: "x".into() }, 1001, "Extrinsic has invalid format: x", None),
        (PoolError::Verification { reason: "x".into() }, 1002, "Verification Error: x", Some("x")),
        (
            PoolError::Invalid(InvalidTransaction::Payment),
            1010,
            "Invalid Transaction",
            Some("Inability to pay some fees (e.g. account balance too low)"),
        ),
        (
            PoolError::Invalid(InvalidTransaction::BadProof),
            1010,
            "Invalid Transaction",
            Some("Transaction has a bad signature"),
        ),
        (
            PoolError::Invalid(InvalidTransaction::AncientBirthBlock),
            1010,
            "Invalid Transaction",
            Some("Transaction has an ancient birth block"),
        ),
        (
            PoolError::Invalid(InvalidTransaction::Custom(7)),
            1010,
            "Invalid Transaction",
            Some("Custom error: 7"),
        ),
        (
            PoolError::Invalid(InvalidTransaction::Call),
            1010,
            "Invalid Transaction",
            Some("Transaction call is not expected"),
        ),
        (
            PoolError::Invalid(InvalidTransaction::Future),
            1010,
            "Invalid Transaction",
            Some("Transaction will be valid in the future"),
        ),
        (
            PoolError::Invalid(InvalidTransaction::Stale),
            1010,
            "Invalid Transaction",
            Some("Transaction is outdated"),
        ),
        (
            PoolError::Invalid(InvalidTransaction::ExhaustsResources),
            1010,
            "Invalid Transaction",
            Some("Transaction would exhaust the block limits"),
        ),
        (
            PoolError::Invalid(InvalidTransaction::BadSigner),
            1010,
            "Invalid Transaction",
            Some("Invalid signing address"),
        ),
        (
            PoolError::Unknown(UnknownTransaction::Custom(9)),
            1011,
            "Unknown Transaction Validity",
            Some("Custom(9)"),
        ),
        (PoolError::Banned, 1012, "Transaction is temporarily banned", None),
        (PoolError::AlreadyImported(hash), 1013, "Transaction Already Imported", Some(&hex)),
        (
            PoolError::TooLowPriority { old: 5, new: 4 },
            1014,
            "Priority is too low: (5 vs 4)",
            Some("The transaction has too low priority to replace another transaction already in the pool."),
        ),
        (PoolError::CycleDetected, 1015, "Cycle Detected", None),
        (
            PoolError::ImmediatelyDropped,
            1016,
            "Immediately Dropped",
            Some("The transaction couldn't enter the pool because of the limit"),
        ),
        (
            PoolError::NoTagsProvided,
            1019,
            "No tags provided",
            Some("Transaction does not provide any tags, so the pool can't identify it"),
        ),
    ];
    for (error, code, message, data) in table {
        assert_eq!((error.code(), error.message().as_str(), error.data().as_deref()), (code, message, data));
    }
}
