//! The contract does what the shared vectors say, without a node and without
//! WebAssembly.

use concordat::ledgertest::Ledger;

fn unhex(s: &str) -> Vec<u8> {
    if s == "-" {
        return Vec::new();
    }
    (0..s.len()).step_by(2).map(|i| u8::from_str_radix(&s[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn vectors() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors.txt")).unwrap();
    let mut l = Ledger::new("token");
    let mut result = Ok(Vec::new());
    let (mut events, mut states, mut calls) = (0, 0, 0);
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap();
        let f: Vec<&str> = rest.splitn(3, ' ').collect();
        match word {
            "case" => {
                assert_eq!((events, states), (l.events.len(), l.state.len()), "before {}", line);
                l = Ledger::new("token");
                events = 0;
                states = 0;
            }
            "call" => {
                result = l.call(token::METHODS, f[0], f[1], &unhex(f[2]));
                calls += 1;
            }
            "ok" => assert_eq!(result.as_ref(), Ok(&unhex(f[0])), "{}", line),
            "fail" => {
                let (code, message) = rest.split_once(' ').unwrap();
                let e = result.as_ref().unwrap_err();
                assert_eq!((e.code.to_string().as_str(), e.message.as_str()), (code, message));
            }
            "event" => {
                assert_eq!(l.events[events].topic, f[0], "{}", line);
                assert_eq!(l.events[events].data, unhex(f[1]), "{}", line);
                events += 1;
            }
            "state" => {
                assert_eq!(l.state.get(&unhex(f[0])), Some(&unhex(f[1])), "{}", line);
                states += 1;
            }
            _ => panic!("unknown line {}", line),
        }
    }
    assert!(calls > 40);
}
