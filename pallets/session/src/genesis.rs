//! The authorities that the chain starts with: Aura and Grandpa get theirs from here.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use quire_core::Slot;

use crate::storage::{CURRENT_INDEX, OLDEST_RECORD, PARAMETERS, QUEUED_KEYS, VALIDATORS};
use crate::types::{Authority, Parameters, Record};
use crate::{keys, record};

/// Longest session, in slots: a year of one-second slots.
pub const LENGTH_SLOTS_MAX: u32 = 366 * 24 * 60 * 60;

/// What Session is told. Members and bonds are built before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Length of a session, stake of an authority.
    pub parameters: Parameters,
    /// Members that run authority nodes, with their keys, in the order of their slots in the first session.
    pub authorities: Vec<Authority>,
}

impl Config {
    /// Writes the state.
    ///
    /// # Errors
    /// When there is no authority, too many, one or one of its keys twice, one that is no member or has too small a bond,
    /// or the length of a session is out of bounds.
    pub fn build(&self) -> Result<(), String> {
        let Parameters { length_slots, minimum_stake } = self.parameters;
        if !(1..=LENGTH_SLOTS_MAX).contains(&length_slots) {
            return Err(format!(
                "session: sessions of {length_slots} slots; choose 1 to {LENGTH_SLOTS_MAX} (R1)"
            ));
        }
        let mut seen = BTreeSet::new();
        for (who, _) in &self.authorities {
            if !seen.insert(who) {
                return Err(format!("session: {who} is an authority twice; list it once"));
            }
            if !pallet_members::is_member(who) {
                return Err(format!("session: the authority {who} is no member (R3)"));
            }
            if pallet_bonds::active(who) < minimum_stake {
                return Err(format!(
                    "session: the authority {who} has less than {minimum_stake} plancks bonded (R3)"
                ));
            }
        }
        let aura = self.authorities.iter().map(|(_, keys)| keys.aura).collect();
        pallet_aura::genesis::Config { authorities: aura }.build()?;
        let grandpa = self.authorities.iter().map(|(_, keys)| keys.grandpa).collect();
        pallet_grandpa::genesis::Config { authorities: grandpa }.build()?;
        PARAMETERS.put(&self.parameters);
        VALIDATORS.put(&self.authorities.iter().map(|(who, _)| *who).collect());
        CURRENT_INDEX.put(&0);
        OLDEST_RECORD.put(&0);
        for (who, keys) in &self.authorities {
            keys::put(who, keys);
        }
        let mut authorities = self.authorities.clone();
        authorities.sort_unstable();
        QUEUED_KEYS.put(&authorities);
        let set_id = pallet_grandpa::current_set_id();
        record::add(0, &Record { set_id, after: Slot(0), end: None, authorities });
        Ok(())
    }
}
