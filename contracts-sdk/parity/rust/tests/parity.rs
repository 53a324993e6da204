//! The contract does what the shared scripts say, without WebAssembly.

use concordat::ledgertest::Ledger;
use concordat::OTHER;
use parity::{Script, METHODS};

fn names(encoded: &[u8]) -> String {
    let (mut list, mut rest) = (Vec::new(), encoded.get(2..).unwrap_or_default());
    while !rest.is_empty() {
        let (name, after) = rest[2..].split_at(usize::from(u16::from_le_bytes([rest[0], rest[1]])));
        list.push(std::str::from_utf8(name).unwrap());
        rest = after;
    }
    if list.is_empty() { "all".into() } else { list.join(",") }
}

fn run(l: &mut Ledger, text: &str) -> String {
    let args = concordat::encode(&mut Script { text: text.into() });
    match l.call(METHODS, "alice@a", "do", &args) {
        Ok(out) => format!("ok {}", concordat::decode::<Script>(&out).unwrap().text).trim().into(),
        Err(e) if e.code == OTHER && e.message.starts_with("the contract trapped") => "trap".into(),
        Err(e) => format!("fail {} {}", e.code, e.message),
    }
}

#[test]
fn scripts_natively() {
    let (mut l, mut ended, mut title, mut checked) = (Ledger::new("parity"), String::new(), "", 0);
    for line in include_str!("../../parity.txt").lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let have = match word {
            "" | "#" => continue,
            "case" => {
                l = Ledger::new("parity");
                l.reentrant = true;
                title = rest;
                continue;
            }
            "do" => {
                ended = run(&mut l, rest);
                continue;
            }
            "records" => l.state.keys().fold(word.to_owned(), |all, k| {
                let audience = l.audiences.get(k).map_or(&[][..], |a| a);
                format!("{} {}={}", all, String::from_utf8_lossy(k), names(audience))
            }),
            "events" => l.events.iter().fold(word.to_owned(), |all, e| format!("{} {}", all, names(&e.audience))),
            _ => ended.clone(),
        };
        assert_eq!(line, have, "{}", title);
        checked += 1;
    }
    assert!(checked > 40);
}
