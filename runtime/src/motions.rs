//! What motions are about: the classes of a call, which say how many members must approve it.
//!
//! * **R1** A call has the classes of all calls inside it, at any depth, besides its own.
//! * **R2** What Root could reach anything with (raw storage, code, the shares themselves, the root key) asks for the most
//!   that any class asks for: no motion of an easier class amounts to one of a harder.

use alloc::vec::Vec;

use pallet_members::{Call as Members, Class};
use pallet_system::Call as System;

use crate::RuntimeCall;

/// The classes of a call, sorted. Recursion ends: the depth of calls is bounded when they are decoded.
pub(crate) fn classes(call: &RuntimeCall) -> Vec<Class> {
    let mut out = Vec::new();
    collect(call, &mut out);
    out.sort_unstable();
    out.dedup();
    out
}

fn collect(call: &RuntimeCall, out: &mut Vec<Class>) {
    out.extend_from_slice(own(call));
    // A batch of thousands has four classes at most: keep the list short on the way.
    if out.len() > 64 {
        out.sort_unstable();
        out.dedup();
    }
    for inner in call.nested() {
        collect(inner, out);
    }
}

/// The classes of a call without those inside it.
fn own(call: &RuntimeCall) -> &'static [Class] {
    match call {
        RuntimeCall::Members(Members::admit { .. }) => &[Class::Admit],
        RuntimeCall::Members(Members::revoke { .. } | Members::revoke_peer { .. }) => &[Class::Revoke],
        RuntimeCall::Members(Members::set_thresholds { .. } | Members::set_root { .. }) => &Class::ALL,
        RuntimeCall::System(System::set_code { .. }) => &[Class::Upgrade],
        RuntimeCall::System(System::remark { .. } | System::remark_with_event { .. }) => &[Class::Parameters],
        RuntimeCall::System(_) => &Class::ALL,
        RuntimeCall::Upgrade(_) => &[Class::Upgrade],
        // A batch is about what is in it, not about itself.
        RuntimeCall::Utility(_) if call.nested().next().is_some() => &[],
        _ => &[Class::Parameters],
    }
}
