//! Files go out and come back; broken ones are explained.
use super::*;
use proptest::prelude::*;
use quire_core::{Digest, DigestItem, H256, Header, OpaqueExtrinsic, Slot};

fn block(number: u32, extrinsics: Vec<Vec<u8>>, justification: Option<Vec<u8>>) -> SignedBlock {
    let header = Header {
        parent_hash: H256([1; 32]),
        number,
        state_root: H256([2; 32]),
        extrinsics_root: H256([3; 32]),
        digest: Digest {
            logs: vec![
                DigestItem::PreRuntime(*b"aura", Slot(u64::from(number)).0.to_le_bytes().to_vec()),
                DigestItem::Seal(*b"aura", vec![9; 64]),
            ],
        },
    };
    let extrinsics = extrinsics.into_iter().map(OpaqueExtrinsic).collect();
    SignedBlock { block: Block { header, extrinsics }, justification }
}

fn file(blocks: &[SignedBlock], form: Form) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = BlockWriter::new(&mut bytes, form, blocks.len() as u64).unwrap();
    blocks.iter().for_each(|block| writer.write(block).unwrap());
    writer.finish().unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Result<Vec<SignedBlock>, BlockFileError> {
    let mut reader = BlockReader::new(bytes)?;
    let mut blocks = Vec::new();
    while let Some(block) = reader.next_block()? {
        blocks.push(block);
    }
    Ok(blocks)
}

fn reason(bytes: &[u8]) -> String {
    read(bytes).err().unwrap().to_string()
}

proptest! {
    #[test]
    fn r1_r2_r3_both_forms_come_back(
        contents in prop::collection::vec(
            (prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4), any::<Option<Vec<u8>>>()), 0..300),
    ) {
        let number = |(number, (extrinsics, proof)): (u32, _)| block(number, extrinsics, proof);
        let blocks: Vec<SignedBlock> = (0..).zip(contents).map(number).collect();
        for form in [Form::Binary, Form::Json] {
            prop_assert_eq!(&read(&file(&blocks, form)).unwrap(), &blocks);
        }
    }

    #[test]
    fn r4_no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(read(&bytes));
    }
}

#[test]
fn r2_the_text_is_that_of_chain_get_block_in_any_layout() {
    let text = String::from_utf8(file(&[block(26, vec![vec![7]], Some(vec![8, 9]))], Form::Json)).unwrap();
    for part in [
        "\"number\":\"0x1a\"",
        "\"extrinsics\":[\"0x0407\"]",
        "\"justifications\":[[[70,82,78,75],[8,9]]]",
        "\"logs\":[\"0x0661757261",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let spread = text.replace(',', " ,\n  ").repeat(2);
    assert_eq!(read(spread.as_bytes()).unwrap().len(), 2);
    assert_eq!(read(b"").unwrap(), []);
}

#[test]
fn r4_broken_files_name_the_block() {
    let blocks = [block(1, vec![vec![7; 30]], None), block(2, vec![], Some(vec![1]))];
    let binary = file(&blocks, Form::Binary);
    assert_eq!(reason(&binary[..binary.len() - 1]), "block 2 of the file: the file ends within it");
    let mut odd = binary.clone();
    // The option byte of the first block's justifications.
    let first_end = 8 + scale::encode(&blocks[0]).len() - 1;
    odd[first_end] = 7;
    assert!(reason(&odd).starts_with("block 1 of the file: it does not decode"), "{}", reason(&odd));
    let text = String::from_utf8(file(&blocks, Form::Json)).unwrap();
    assert_eq!(reason(&text.as_bytes()[..text.len() - 4]), "block 2 of the file: the file ends within it");
    for (from, to, expected) in [
        ("0x1\"", "1\"", "block 1 of the file: number"),
        ("0x0202", "0xzz02", "block 1 of the file: stateRoot is no hex"),
        ("0x0303", "0x03", "block 1 of the file: extrinsicsRoot has not 32 bytes"),
        ("\"0x78", "\"0x74", "block 1 of the file: extrinsics[0]"),
        ("\"stateRoot\"", "\"root\"", "block 1 of the file: missing field `stateRoot`"),
        ("0x0661", "0x9961", "block 1 of the file: digest.logs[0]"),
    ] {
        assert!(text.contains(from), "{from}");
        let said = reason(text.replacen(from, to, 1).as_bytes());
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn r4_a_block_without_end_is_refused_in_bounded_memory() {
    let endless = std::io::repeat(b'a').take(u64::MAX);
    let start: &[u8] = b"{\"block\":{\"extrinsics\":[\"0x";
    let mut reader = BlockReader::new(std::io::BufReader::new(start.chain(endless))).unwrap();
    let said = reader.next_block().err().unwrap().to_string();
    assert!(said.contains("more than"), "{said}");
    // A count of one, then a header whose digest claims four thousand million entries.
    let mut binary = 1u64.to_le_bytes().to_vec();
    binary.extend([0; 32 + 1 + 64]);
    binary.extend([3, 0xff, 0xff, 0xff, 0xff]);
    let said = reason(&binary);
    assert!(said.starts_with("block 1 of the file"), "{said}");
}
