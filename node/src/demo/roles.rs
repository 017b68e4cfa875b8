//! Who is who in the demo, and the words of the real-time-bidding program.

/// Index and role of the buyer, who pays.
pub(super) const DSP: u8 = 0;
/// Index and role of the seller.
pub(super) const SSP: u8 = 1;
/// Index and role of the auditor.
pub(super) const AUDITOR: u8 = 2;
/// Participants by index.
pub(super) const NAMES: [&str; 3] = ["DSP", "SSP", "auditor"];

/// Kind of a win record: body is the price, u64 little-endian.
pub(super) const WIN: u16 = 1;
/// Kind of an auditor's check: body is the flags, u8.
pub(super) const CHECK: u16 = 2;

/// Share of the partner's payment that goes to the validators; 10^18 is the whole.
pub(super) const FEE_RATE: u128 = 10_000_000_000_000_000;
/// Plancks that the auditor earns per processed impression.
pub(super) const AUDITOR_RATE: u128 = 1_000;

/// Accounts of the participants by index.
pub(super) const PARTICIPANT_SURIS: [&str; 3] = ["//Bob", "//Charlie", "//Dave"];
/// Accounts of the validators; the n-th is trusted by participant n.
pub(super) const VALIDATOR_SURIS: [&str; 3] = ["//Eve", "//Ferdie", "//Alice//stash"];

/// The program's parameters.
pub(super) fn parameters() -> Vec<u8> {
    [FEE_RATE.to_le_bytes(), AUDITOR_RATE.to_le_bytes()].concat()
}
