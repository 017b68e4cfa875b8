//! What each participant of the demo takes into its part: its own messages, and those of others that it would lose money
//! by omitting.
//!
//! Rules (of the job)
//! * R1: the SSP takes the DSP's wins, because it is paid for matched wins only, and the auditor's checks with VIEW and
//!   without FRAUD, because only these earn.
//! * R2: the auditor takes both wins of what it checked, because it is paid for checks of matched wins.
//! * R3: the DSP, who pays, takes nothing beyond its own.

use super::events::{FRAUD, IMP_BYTES, VIEW};
use super::roles::{AUDITOR, CHECK, DSP, SSP, WIN};
use quire_channel::MessageRef;
use quire_offchain::collator::Selection;

/// R1.
pub(super) struct SspSelection;

impl Selection for SspSelection {
    fn learn(&mut self, _: &MessageRef<'_>) {}

    fn learned(&mut self) {}

    fn keep(&self, other: &MessageRef<'_>) -> bool {
        match (other.sender, other.kind) {
            (DSP, WIN) => true,
            (AUDITOR, CHECK) => other.body.first().is_some_and(|flags| flags & (VIEW | FRAUD) == VIEW),
            _ => false,
        }
    }
}

/// R2.
#[derive(Default)]
pub(super) struct AuditorSelection {
    /// Impressions that it checked; sorted when all are known.
    checked: Vec<[u8; IMP_BYTES]>,
}

impl Selection for AuditorSelection {
    fn learn(&mut self, own: &MessageRef<'_>) {
        if own.kind == CHECK
            && let Ok(imp) = own.key.try_into()
        {
            self.checked.push(imp);
        }
    }

    fn learned(&mut self) {
        self.checked.sort_unstable();
    }

    fn keep(&self, other: &MessageRef<'_>) -> bool {
        let is_win = matches!(other.sender, DSP | SSP) && other.kind == WIN;
        is_win
            && other.key.try_into().is_ok_and(|imp: [u8; IMP_BYTES]| self.checked.binary_search(&imp).is_ok())
    }
}

/// R3.
pub(super) struct DspSelection;

impl Selection for DspSelection {
    fn learn(&mut self, _: &MessageRef<'_>) {}

    fn learned(&mut self) {}

    fn keep(&self, _: &MessageRef<'_>) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::events::CLICK;

    fn message<'a>(sender: u8, kind: u16, key: &'a [u8], body: &'a [u8]) -> MessageRef<'a> {
        MessageRef { channel: 1, block: 0, sender, seq: 0, time_ms: 0, kind, key, body, bytes: b"" }
    }

    #[test]
    fn r1_the_ssp_keeps_what_earns() {
        let keep = |sender, kind, flags| SspSelection.keep(&message(sender, kind, &[1; 16], &[flags]));
        assert!(keep(DSP, WIN, 0));
        assert!(keep(AUDITOR, CHECK, VIEW) && keep(AUDITOR, CHECK, VIEW | CLICK));
        for flags in [0, FRAUD, CLICK, VIEW | FRAUD, VIEW | CLICK | FRAUD] {
            assert!(!keep(AUDITOR, CHECK, flags), "{flags}");
        }
        assert!(!keep(DSP, CHECK, VIEW) && !keep(AUDITOR, WIN, VIEW));
        assert!(!SspSelection.keep(&message(AUDITOR, CHECK, &[1; 16], &[])));
    }

    #[test]
    fn r2_the_auditor_keeps_both_wins_of_what_it_checked() {
        let mut selection = AuditorSelection::default();
        for imp in [[9; 16], [3; 16], [5; 16]] {
            selection.learn(&message(AUDITOR, CHECK, &imp, &[VIEW]));
        }
        selection.learn(&message(AUDITOR, WIN, &[7; 16], &[]));
        selection.learned();
        for sender in [DSP, SSP] {
            assert!(selection.keep(&message(sender, WIN, &[3; 16], &[])));
            assert!(!selection.keep(&message(sender, WIN, &[4; 16], &[])), "not checked");
            assert!(!selection.keep(&message(sender, WIN, &[7; 16], &[])), "not a check");
            assert!(!selection.keep(&message(sender, CHECK, &[3; 16], &[])), "not a win");
            assert!(!selection.keep(&message(sender, WIN, &[3; 15], &[])), "not an impression");
        }
    }

    #[test]
    fn r3_the_dsp_keeps_nothing_of_others() {
        assert!(!DspSelection.keep(&message(SSP, WIN, &[3; 16], &[])));
        assert!(!DspSelection.keep(&message(AUDITOR, CHECK, &[3; 16], &[FRAUD])));
    }
}
