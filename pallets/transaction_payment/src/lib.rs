//! pallet-transaction-payment.
