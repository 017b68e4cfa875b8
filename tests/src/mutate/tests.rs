use super::*;

/// (import "e" "f" (func)) (func (export "a") unreachable) (func (export "bb") nop), and a custom section "c".
fn module() -> Vec<u8> {
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    wasm.extend([1, 4, 1, 0x60, 0, 0]);
    wasm.extend([2, 7, 1, 1, b'e', 1, b'f', 0, 0]);
    wasm.extend([3, 3, 2, 0, 0]);
    wasm.extend([7, 10, 2, 1, b'a', 0, 1, 2, b'b', b'b', 0, 2]);
    wasm.extend([10, 9, 2, 3, 0, 0x00, 0x0b, 3, 0, 0x01, 0x0b]);
    wasm.extend([0, 4, 1, b'c', 5, 6]);
    wasm
}

#[test]
fn r1_nothing_else_changes() {
    assert_eq!(exports(&module(), "a", |_| ()), module());
    assert_eq!(with_section(&module(), "c", |_| ()), module());
    assert_eq!(with_body(&module(), "bb", &[0x01]), module());
    assert_eq!(with_export_of(&module(), "a", "a"), module());
}

#[test]
fn each_place_can_be_spoilt() {
    let text = |wasm: Vec<u8>| hex::encode(wasm);
    assert!(text(without_export(&module(), "a")).contains("0706010262620002"));
    assert!(text(with_export_of(&module(), "a", "bb")).contains("070a0201610002026262"));
    assert!(text(with_body(&module(), "a", body::ENDLESS)).contains("0a0e02080003400c000b000b03"));
    assert!(text(with_section(&module(), "c", |content| content.push(7))).ends_with("00050163050607"));
    assert_eq!(without_section(&module(), "c"), module()[..module().len() - 6]);
    assert_eq!(import(&module(), "f"), 0);
    assert_eq!(truncated(&module()).len(), module().len() / 2);
}

#[test]
#[should_panic(expected = "zz is not exported")]
fn r2_what_is_not_there_is_named() {
    without_export(&module(), "zz");
}
