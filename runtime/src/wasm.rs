//! What exists only in the Wasm build: the panic handler and the custom sections.
//!
//! * **R1** A panic is logged with its place and message, then traps: the host reports the message.
//! * **R2** The sections `runtime_version` and `runtime_apis` are both there, or an executor would ignore one.

use crate::version::{APIS, APIS_SECTION, VERSION_SECTION, VERSION_SECTION_LEN};
use alloc::format;
use pallet_support::host::{self, LogLevel};

/// R1.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    host::log(LogLevel::Error, "runtime", &format!("{info}"));
    core::arch::wasm32::unreachable()
}

#[used]
#[unsafe(link_section = "runtime_version")]
static VERSION: [u8; VERSION_SECTION_LEN] = VERSION_SECTION;

#[used]
#[unsafe(link_section = "runtime_apis")]
static RUNTIME_APIS: [u8; APIS.len() * 12] = APIS_SECTION;
