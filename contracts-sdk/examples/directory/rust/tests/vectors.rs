//! The contract does what the shared vectors say, without a node and without
//! WebAssembly.

#[test]
fn vectors() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors.txt")).unwrap();
    concordat::ledgertest::replay("directory", directory::METHODS, &text);
}
