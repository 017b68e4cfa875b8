//! Decides when to try new code, and what stands as the verdict.
//!
//! Rules:
//! * R1 An upgrade is tried at once when it is seen, on the best block of that moment.
//! * R2 It is tried again when it becomes scheduled, since the state has moved on, and every [`REPEAT_BLOCKS`] blocks while
//!   it is open. The last verdict stands.
//! * R3 A trial that fails through this node's own fault says nothing: what stood before stands, and the trial is repeated
//!   after [`RETRY_BLOCKS`].
//! * R4 One trial at a time. What a trial says about code that is no longer open is dropped.
//! * R5 When no upgrade is open, or another one, nothing stands any more.

use quire_chain::Head;
use quire_core::{BlockNumber, H256, Verdict};

/// Blocks between two trials of the same code.
pub(crate) const REPEAT_BLOCKS: BlockNumber = 64;
/// Blocks until a trial that failed through the node's own fault is repeated.
pub(crate) const RETRY_BLOCKS: BlockNumber = 4;

/// An upgrade that may still be enacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    /// Which code.
    pub(crate) code_hash: H256,
    /// Whether enough authorities accept it.
    pub(crate) is_scheduled: bool,
}

/// What the attestor is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The best head moved.
    Best {
        /// The head.
        at: Head,
        /// The upgrade that is open in its state.
        open: Option<Open>,
    },
    /// A trial is over.
    Tried {
        /// Of which code.
        code_hash: H256,
        /// The verdict; none when the node itself failed.
        verdict: Option<Verdict>,
    },
}

/// What the attestor asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Try the code and come back with [`Input::Tried`].
    Try {
        /// On the state of this block.
        at: Head,
        /// The code.
        code_hash: H256,
    },
    /// Own blocks say this from now on.
    Say {
        /// About which code.
        code_hash: H256,
        /// What.
        verdict: Verdict,
    },
    /// Own blocks say nothing any more.
    Forget,
}

/// See the module doc.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attestor {
    watched: Option<Watched>,
    /// The code that is being tried.
    trying: Option<H256>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Watched {
    code_hash: H256,
    last: Option<Trial>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trial {
    at: BlockNumber,
    was_scheduled: bool,
    has_failed: bool,
}

impl Attestor {
    /// Takes one input; what is to be done, in order.
    pub(crate) fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Best { open: None, .. } => self.forget(&mut effects),
            Input::Best { at, open: Some(open) } => self.look(at, open, &mut effects),
            Input::Tried { code_hash, verdict } => self.tried(code_hash, verdict, &mut effects),
        }
        effects
    }

    /// R5.
    fn forget(&mut self, effects: &mut Vec<Effect>) {
        if self.watched.take().is_some() {
            effects.push(Effect::Forget);
        }
    }

    fn look(&mut self, at: Head, open: Open, effects: &mut Vec<Effect>) {
        if self.watched.is_some_and(|watched| watched.code_hash != open.code_hash) {
            self.forget(effects);
        }
        let watched = self.watched.get_or_insert(Watched { code_hash: open.code_hash, last: None });
        if self.trying.is_none() && is_due(watched.last, at.number, open.is_scheduled) {
            watched.last = Some(Trial { at: at.number, was_scheduled: open.is_scheduled, has_failed: false });
            self.trying = Some(open.code_hash);
            effects.push(Effect::Try { at, code_hash: open.code_hash });
        }
    }

    fn tried(&mut self, code_hash: H256, verdict: Option<Verdict>, effects: &mut Vec<Effect>) {
        self.trying = None;
        let Some(watched) = self.watched.as_mut().filter(|watched| watched.code_hash == code_hash) else {
            return;
        };
        match verdict {
            Some(verdict) => effects.push(Effect::Say { code_hash, verdict }),
            None => {
                if let Some(last) = &mut watched.last {
                    last.has_failed = true;
                }
            }
        }
    }
}

/// R1 to R3.
fn is_due(last: Option<Trial>, now: BlockNumber, is_scheduled: bool) -> bool {
    let Some(last) = last else { return true };
    let pause = if last.has_failed { RETRY_BLOCKS } else { REPEAT_BLOCKS };
    now >= last.at.saturating_add(pause) || (is_scheduled && !last.was_scheduled && !last.has_failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: H256 = H256([1; 32]);
    const OTHER: H256 = H256([2; 32]);

    fn best(number: BlockNumber, open: Option<(H256, bool)>) -> Input {
        let open = open.map(|(code_hash, is_scheduled)| Open { code_hash, is_scheduled });
        Input::Best { at: head(number), open }
    }

    fn head(number: BlockNumber) -> Head {
        Head { number, hash: H256([number as u8; 32]) }
    }

    fn try_at(number: BlockNumber, code_hash: H256) -> Vec<Effect> {
        vec![Effect::Try { at: head(number), code_hash }]
    }

    fn tried(code_hash: H256, verdict: Option<Verdict>) -> Input {
        Input::Tried { code_hash, verdict }
    }

    fn say(code_hash: H256, verdict: Verdict) -> Vec<Effect> {
        vec![Effect::Say { code_hash, verdict }]
    }

    fn refuse() -> Verdict {
        Verdict::Refuse { reason: "it traps".into() }
    }

    #[test]
    fn r1_new_code_is_tried_at_once_and_once() {
        let mut attestor = Attestor::default();
        assert_eq!(attestor.step(best(1, None)), []);
        assert_eq!(attestor.step(best(2, Some((CODE, false)))), try_at(2, CODE));
        assert_eq!(attestor.step(best(3, Some((CODE, false)))), [], "R4");
        assert_eq!(attestor.step(tried(CODE, Some(refuse()))), say(CODE, refuse()));
        assert_eq!(attestor.step(best(4, Some((CODE, false)))), []);
    }

    #[test]
    fn r2_it_is_tried_again_when_scheduled_and_in_intervals() {
        let mut attestor = Attestor::default();
        attestor.step(best(2, Some((CODE, false))));
        attestor.step(tried(CODE, Some(Verdict::Accept)));
        assert_eq!(attestor.step(best(5, Some((CODE, true)))), try_at(5, CODE));
        assert_eq!(attestor.step(tried(CODE, Some(refuse()))), say(CODE, refuse()), "the last one stands");
        assert_eq!(attestor.step(best(6, Some((CODE, true)))), []);
        assert_eq!(attestor.step(best(4 + REPEAT_BLOCKS, Some((CODE, true)))), []);
        assert_eq!(
            attestor.step(best(5 + REPEAT_BLOCKS, Some((CODE, true)))),
            try_at(5 + REPEAT_BLOCKS, CODE)
        );
    }

    #[test]
    fn r3_own_failures_say_nothing_and_are_repeated() {
        let mut attestor = Attestor::default();
        attestor.step(best(2, Some((CODE, false))));
        assert_eq!(attestor.step(tried(CODE, None)), []);
        assert_eq!(attestor.step(best(1 + RETRY_BLOCKS, Some((CODE, true)))), []);
        assert_eq!(attestor.step(best(2 + RETRY_BLOCKS, Some((CODE, true)))), try_at(2 + RETRY_BLOCKS, CODE));
    }

    #[test]
    fn r4_what_is_said_about_closed_code_is_dropped() {
        let mut attestor = Attestor::default();
        attestor.step(best(2, Some((CODE, false))));
        assert_eq!(attestor.step(best(3, Some((OTHER, false)))), [Effect::Forget], "one at a time");
        assert_eq!(attestor.step(tried(CODE, Some(Verdict::Accept))), []);
        assert_eq!(attestor.step(best(4, Some((OTHER, false)))), try_at(4, OTHER));
    }

    #[test]
    fn r5_nothing_stands_when_nothing_is_open() {
        let mut attestor = Attestor::default();
        attestor.step(best(2, Some((CODE, false))));
        attestor.step(tried(CODE, Some(Verdict::Accept)));
        assert_eq!(attestor.step(best(3, None)), [Effect::Forget]);
        assert_eq!(attestor.step(best(4, None)), []);
        assert_eq!(
            attestor.step(best(5, Some((CODE, false)))),
            try_at(5, CODE),
            "offered again, tried again"
        );
    }
}
