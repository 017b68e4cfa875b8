//! Why the pool does not take a transaction, with the codes and texts that Substrate clients and scripts match on.

use quire_core::{H256, InvalidTransaction, TransactionValidityError, UnknownTransaction};

/// An answer to a submission. One variant per code of Substrate's `author_*` methods.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// 1001: the bytes are no extrinsic.
    #[error("Extrinsic has invalid format: {reason}")]
    BadFormat {
        /// What the decoder said.
        reason: String,
    },
    /// 1002: the runtime failed while validating.
    #[error("Verification Error: {reason}")]
    Verification {
        /// What the executor said.
        reason: String,
    },
    /// 1010: the runtime refuses it.
    #[error("Invalid Transaction")]
    Invalid(InvalidTransaction),
    /// 1011: the runtime cannot tell.
    #[error("Unknown Transaction Validity")]
    Unknown(UnknownTransaction),
    /// 1012: it was invalid a short while ago.
    #[error("Transaction is temporarily banned")]
    Banned,
    /// 1013: it is in the pool.
    #[error("Transaction Already Imported")]
    AlreadyImported(H256),
    /// 1014: it would replace transactions of the same or a higher priority.
    #[error("Priority is too low: ({old} vs {new})")]
    TooLowPriority {
        /// Priority in the pool.
        old: u64,
        /// Priority of the new transaction.
        new: u64,
    },
    /// 1015: it requires what it provides.
    #[error("Cycle Detected")]
    CycleDetected,
    /// 1016: the pool is full of transactions that are at least as good.
    #[error("Immediately Dropped")]
    ImmediatelyDropped,
    /// 1019: it provides no tag, so nothing tells it from a copy.
    #[error("No tags provided")]
    NoTagsProvided,
}

impl PoolError {
    /// The JSON-RPC error code.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::BadFormat { .. } => 1001,
            Self::Verification { .. } => 1002,
            Self::Invalid(_) => 1010,
            Self::Unknown(_) => 1011,
            Self::Banned => 1012,
            Self::AlreadyImported(_) => 1013,
            Self::TooLowPriority { .. } => 1014,
            Self::CycleDetected => 1015,
            Self::ImmediatelyDropped => 1016,
            Self::NoTagsProvided => 1019,
        }
    }

    /// The JSON-RPC error message.
    #[must_use]
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// The JSON-RPC error data, a string, where Substrate gives one.
    #[must_use]
    pub fn data(&self) -> Option<String> {
        match self {
            Self::BadFormat { .. } | Self::Banned | Self::CycleDetected => None,
            Self::Verification { reason } => Some(reason.clone()),
            Self::Invalid(InvalidTransaction::Custom(code)) => Some(format!("Custom error: {code}")),
            Self::Invalid(invalid) => Some(invalid_text(*invalid).into()),
            Self::Unknown(unknown) => Some(format!("{unknown:?}")),
            Self::AlreadyImported(hash) => Some(format!("{hash}")),
            Self::TooLowPriority { .. } => Some(
                "The transaction has too low priority to replace another transaction already in the pool."
                    .into(),
            ),
            Self::ImmediatelyDropped => {
                Some("The transaction couldn't enter the pool because of the limit".into())
            }
            Self::NoTagsProvided => {
                Some("Transaction does not provide any tags, so the pool can't identify it".into())
            }
        }
    }
}

impl From<TransactionValidityError> for PoolError {
    fn from(error: TransactionValidityError) -> Self {
        match error {
            TransactionValidityError::Invalid(invalid) => Self::Invalid(invalid),
            TransactionValidityError::Unknown(unknown) => Self::Unknown(unknown),
        }
    }
}

/// The sentences of `sp-runtime`, which scripts match on.
fn invalid_text(invalid: InvalidTransaction) -> &'static str {
    match invalid {
        InvalidTransaction::Call => "Transaction call is not expected",
        InvalidTransaction::Payment => "Inability to pay some fees (e.g. account balance too low)",
        InvalidTransaction::Future => "Transaction will be valid in the future",
        InvalidTransaction::Stale => "Transaction is outdated",
        InvalidTransaction::BadProof => "Transaction has a bad signature",
        InvalidTransaction::AncientBirthBlock => "Transaction has an ancient birth block",
        InvalidTransaction::ExhaustsResources => "Transaction would exhaust the block limits",
        InvalidTransaction::Custom(_) => "InvalidTransaction custom error",
        InvalidTransaction::BadMandatory => "A call was labelled as mandatory, but resulted in an Error.",
        InvalidTransaction::MandatoryValidation => {
            "Transaction dispatch is mandatory; transactions must not be validated."
        }
        InvalidTransaction::BadSigner => "Invalid signing address",
    }
}

#[cfg(test)]
mod tests;
