//! Replays a file of vectors, as the examples have them.

use std::cell::RefCell;

use super::{entries, Ledger};
use crate::contract::{Error, MethodEntry, TRAPPED};
use crate::Attribute;

thread_local! {
    /// What the call asks of other contracts, the next one last, and what was asked
    /// otherwise.
    static ASKS: RefCell<(Vec<String>, String)> = RefCell::default();
}

/// Makes the calls of a file of vectors on the contract that is deployed under a name,
/// and panics where it does otherwise. Other contracts answer what the vectors say, and
/// must be asked the same.
///
/// ```text
/// case TITLE                         an empty ledger
/// time NANOSECONDS                   of the next calls' blocks
/// crypto OPERATION INPUT ANSWER      of the ledger's cryptography, which is not here
/// setup CONTRACT …                   a call of another contract, which is not here
/// call|query WHO METHOD ARGS         WHO is PARTY{name=value,…}|CONTRACT
/// asks CONTRACT METHOD ARGS RESULT   what the call asks, in order
/// ok OUTPUT | fail CODE MESSAGE | trap
/// event TOPIC DATA for=ENTRY,…       what it told, in order
/// state KEY VALUE for=ENTRY,…        each record that is left
/// ```
///
/// Bytes are hexadecimal, a dash is none.
pub fn replay(name: &str, methods: &[MethodEntry], text: &str) {
    let mut l = Ledger::new(name);
    let mut call: Vec<String> = Vec::new();
    let (mut told, mut left) = (0, 0);
    for line in text.lines().chain(Some("case")) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "case" => {
                assert_eq!((l.events.len(), l.state.len()), (told, left), "events and records before {}", line);
                l = Ledger { others: Some(answer), ..Ledger::new(name) };
                told = 0;
                left = 0;
            }
            "time" => l.time = rest.parse().unwrap(),
            "crypto" => {
                let f: Vec<&str> = rest.split(' ').collect();
                let answer = Some(unhex(f[2])).filter(|a| !a.is_empty());
                l.answers.insert((f[0].parse().unwrap(), unhex(f[1])), answer);
            }
            "setup" => l.height += 1,
            "call" | "query" => {
                assert_eq!(l.events.len(), told, "events before {}", line);
                call = line.splitn(4, ' ').map(str::to_owned).collect();
                ASKS.with(|a| *a.borrow_mut() = Default::default());
            }
            "asks" => ASKS.with(|a| a.borrow_mut().0.insert(0, rest.to_owned())),
            "ok" | "fail" | "trap" => assert_eq!(run(&mut l, methods, &call), line, "{:?}", call),
            "event" => {
                let e = l.events.get(told).unwrap_or_else(|| panic!("no such event was told: {}", line));
                assert_eq!(format!("{} {}{}", e.topic, hex(&e.data), for_whom(&e.audience)), rest);
                told += 1;
            }
            "state" => {
                let key = unhex(rest.split(' ').next().unwrap());
                let value = l.state.get(&key).unwrap_or_else(|| panic!("there is no such record: {}", line));
                let audience = l.audiences.get(&key).map_or("".into(), |a| for_whom(a));
                assert_eq!(format!("{} {}{}", hex(&key), hex(value), audience), rest);
                left += 1;
            }
            _ => panic!("no such word: {}", line),
        }
    }
}

/// Makes a call and says what came of it.
fn run(l: &mut Ledger, methods: &[MethodEntry], call: &[String]) -> String {
    let (who, via) = call[1].split_once('|').unwrap_or((&call[1], ""));
    let (party, attributes) = who.split_once('{').unwrap_or((who, ""));
    l.via = via.into();
    l.attributes = attributes
        .trim_end_matches('}')
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| Attribute { name: name.into(), value: value.into() })
        .collect();
    let args = unhex(&call[3]);
    let result = match call[0].as_str() {
        "query" => l.query(methods, party, &call[2], &args),
        _ => l.call(methods, party, &call[2], &args),
    };
    ASKS.with(|a| {
        let a = a.borrow();
        assert_eq!(a.1, "", "{:?}", call);
        assert!(a.0.is_empty(), "{:?} does not ask {:?}", call, a.0);
    });
    match result {
        Ok(out) => format!("ok {}", hex(&out)),
        Err(e) if e.message.starts_with("the contract trapped: ") => "trap".into(),
        Err(e) => format!("fail {} {}", e.code, e.message),
    }
}

/// Stands for the other contracts.
fn answer(contract: &str, method: &str, args: &[u8]) -> Result<Vec<u8>, Error> {
    let have = format!("{} {} {}", contract, method, hex(args));
    let next = ASKS.with(|a| a.borrow_mut().0.pop()).unwrap_or_default();
    let f: Vec<&str> = next.splitn(5, ' ').collect();
    if f.len() < 4 || f[..3].join(" ") != have {
        ASKS.with(|a| a.borrow_mut().1 = format!("it asks {}, not {}", have, next));
        return Err(Error::new(TRAPPED, "it was asked otherwise"));
    }
    match f[3] {
        "ok" => Ok(unhex(f[4])),
        "fail" => {
            let (code, message) = f[4].split_once(' ').unwrap();
            Err(Error::new(code.parse().unwrap(), message))
        }
        _ => Err(Error::new(TRAPPED, "the called contract trapped")),
    }
}

fn for_whom(audience: &[u8]) -> String {
    match entries(audience) {
        list if list.is_empty() => String::new(),
        list => format!(" for={}", list.join(",")),
    }
}

fn hex(b: &[u8]) -> String {
    match b {
        [] => "-".into(),
        _ => b.iter().map(|c| format!("{:02x}", c)).collect(),
    }
}

fn unhex(s: &str) -> Vec<u8> {
    let s = s.trim_start_matches('-');
    (0..s.len()).step_by(2).map(|i| u8::from_str_radix(&s[i..i + 2], 16).unwrap()).collect()
}
