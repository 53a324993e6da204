//! What a ledger refuses is refused by the ledger in memory.

use std::cell::RefCell;

use concordat::ledgertest::Ledger;
use concordat::{Attribute, Context, Error, Nothing, OTHER};

concordat::message! { pub struct Text { 1 => text: String } }
concordat::contract! { "init" => act, "do" => act }

type Act = Box<dyn Fn(&mut Context) -> Result<String, Error>>;

thread_local! {
    static ACT: RefCell<Option<Act>> = RefCell::new(None);
}

fn act(c: &mut Context, _: Nothing) -> Result<Text, Error> {
    ACT.with(|a| a.borrow().as_ref().unwrap()(c)).map(|text| Text { text })
}

fn set(f: impl Fn(&mut Context) -> Result<String, Error> + 'static) {
    ACT.with(|a| *a.borrow_mut() = Some(Box::new(f)));
}

fn text(result: Result<Vec<u8>, Error>) -> String {
    concordat::decode::<Text>(&result.unwrap()).unwrap().text
}

#[test]
fn limits() {
    let cases: Vec<(&str, usize, fn(&mut Context), &str)> = vec![
        ("writes", 1000, |c| c.put(b"k", b"v"), "put: the limit"),
        ("deletes", 1000, |c| c.delete(b"k"), "delete: the limit"),
        ("events", 256, |c| c.emit("t", Nothing), "emit: the limit"),
        ("bytes of events", 1, |c| c.emit("t", Text { text: "x".repeat(40 << 10) }), "emit: the limit"),
        ("scans", 16, |c| c.scan(b"", b"", |_, _| true), "too many scans"),
        ("no key", 0, |c| c.put(b"", b"v"), "put: a key"),
        ("long key", 0, |c| c.delete(&[1; 257]), "delete: a key"),
        ("long value", 0, |c| c.put(b"k", &vec![0; (60 << 10) + 1]), "put: a key, value"),
        ("no topic", 0, |c| c.emit("", Nothing), "emit: a key"),
        ("long topic", 0, |c| c.emit(&"t".repeat(65), Nothing), "emit: a key"),
        ("no entry", 0, |c| c.put_for(&["a@a", ""], b"k", b""), "malformed audience"),
    ];
    for (name, n, f, want) in cases {
        let mut l = Ledger::new("x");
        let times = |n: usize| {
            set(move |c| {
                (0..n).for_each(|_| f(c));
                Ok(String::new())
            })
        };
        times(n);
        l.call(METHODS, "a@a", "do", &[]).expect(name);
        let before = (l.state.clone(), l.events.clone());
        times(n + 1);
        let e = l.call(METHODS, "a@a", "do", &[]).unwrap_err();
        assert!(e.code == OTHER && e.message.contains(want), "{}: {}", name, e.message);
        assert_eq!(before, (l.state, l.events), "{}: a call that trapped left something", name);
    }
    set(|_| Ok("x".repeat(64 << 10)));
    let mut l = Ledger::new("x");
    assert!(l.call(METHODS, "a@a", "do", &[]).unwrap_err().message.contains("an output of"));
    assert!(l.call(METHODS, "a@a", "do", &vec![0; (64 << 10) + 1]).unwrap_err().message.contains("arguments of"));
}

#[test]
fn queries_change_nothing_and_see_what_every_member_may() {
    let mut l = Ledger::new("x");
    set(|c| {
        c.put(b"all", b"1");
        c.put_for(&["org:b", "a@a", "org:b"], b"few", b"2");
        Ok(String::new())
    });
    assert!(l.query(METHODS, "a@a", "do", &[]).unwrap_err().message.contains("put is refused in a query"));
    assert!(l.state.is_empty());
    l.call(METHODS, "a@a", "do", &[]).unwrap();
    assert_eq!(l.audiences.len(), 1);
    set(|c| {
        c.declassify_result();
        let mut seen = String::new();
        c.scan_reverse(b"", b"", |k, _| {
            seen += std::str::from_utf8(k).unwrap();
            true
        });
        Ok(format!("{} {}", seen, c.get(b"few").is_some()))
    });
    assert_eq!(text(l.query(METHODS, "a@a", "do", &[])), "all false");
    assert_eq!(text(l.call(METHODS, "a@a", "do", &[])), "fewall true");
}

#[test]
fn init_runs_once() {
    let mut l = Ledger::new("x");
    set(|_| Err(Error::new(1, "no")));
    assert_eq!(l.call(METHODS, "a@a", "init", &[]).unwrap_err().code, 1);
    set(|_| Ok(String::new()));
    l.call(METHODS, "a@a", "init", &[]).unwrap();
    assert_eq!(l.call(METHODS, "a@a", "init", &[]).unwrap_err().message, "init runs once, at deployment");
}

#[test]
fn the_context_is_what_the_test_says() {
    let mut l = Ledger::new("x");
    l.height = 7;
    l.attributes.push(Attribute { name: "role".into(), value: "teller".into() });
    l.others = Some(|contract, method, _| Ok(concordat::encode(&mut Text { text: format!("{}.{}", contract, method) })));
    set(|c| {
        assert_eq!((c.organisation.as_str(), c.height, c.attributes[0].value.as_str()), ("b", 7, "teller"));
        assert_eq!(c.sha256(b"abc")[..2], [0xba, 0x78]);
        let again: Result<Nothing, Error> = c.call("x", "do", Nothing);
        assert!(again.unwrap_err().message.contains("cannot be entered again"));
        c.call::<_, Text>("y", "m", Nothing).map(|t| t.text)
    });
    assert_eq!(text(l.call(METHODS, "a@b", "do", &[])), "y.m");
    assert_eq!(l.height, 8);
}

fn records(audiences: &'static [&'static [&'static str]]) -> Ledger {
    let mut l = Ledger::new("x");
    set(move |c| {
        for (i, a) in audiences.iter().enumerate() {
            c.put_for(a, &[b'a' + i as u8], b"v");
        }
        Ok(String::new())
    });
    l.call(METHODS, "a@a", "do", &[]).unwrap();
    l
}

#[test]
fn what_was_read_is_not_told_to_more() {
    type List = &'static [&'static str];
    let cases: Vec<(&'static [List], List, bool)> = vec![
        (&[&[]], &[], true),
        (&[&["a@a"]], &[], false),
        (&[&["a@a", "org:b"]], &["org:b"], true),
        (&[&["org:a"]], &["x@a"], true),
        (&[&["x@a"]], &["org:a"], false),
        (&[&["a@a", "org:b"], &["x@b"]], &["x@b"], true),
        (&[&["a@a", "org:b"], &["x@b"]], &["a@a"], false),
        (&[&["a@a"], &["b@b"]], &[], false),
    ];
    for (read, tell, ok) in cases {
        let mut l = records(read);
        for (declassified, ok) in [(false, ok), (true, true)] {
            for emits in [false, true] {
                set(move |c| {
                    c.declassify_result();
                    c.scan(b"", b"", |_, _| true);
                    match (emits, declassified) {
                        (false, false) => c.put_for(tell, b"z", b""),
                        (false, true) => c.put_declassified(tell, b"y", b""),
                        (true, false) => c.emit_for(tell, "t", Nothing),
                        (true, true) => c.emit_declassified(tell, "t", Nothing),
                    }
                    Ok(String::new())
                });
                let before = l.clone();
                let done = l.call(METHODS, "a@a", "do", &[]);
                match ok {
                    true => drop(done.unwrap()),
                    false => assert!(done.unwrap_err().message.contains("not everyone in the audience"), "{:?}", tell),
                }
                l = before;
            }
        }
    }
}

#[test]
fn how_a_call_ends_is_not_told() {
    let mut l = records(&[&["a@a"]]);
    let end = |open: bool, fails: bool| {
        set(move |c| {
            if open {
                c.declassify_result();
            }
            c.get(b"a");
            if fails { Err(Error::new(7, "secret")) } else { Ok("secret".into()) }
        })
    };
    end(false, false);
    assert!(l.call(METHODS, "a@a", "do", &[]).unwrap_err().message.contains("an output is shown to every member"));
    end(false, true);
    let e = l.call(METHODS, "a@a", "do", &[]).unwrap_err();
    assert!(e.code == 7 && e.message.contains("withheld"));
    end(true, true);
    assert_eq!(l.call(METHODS, "a@a", "do", &[]).unwrap_err().message, "secret");
    end(true, false);
    assert_eq!(text(l.call(METHODS, "a@a", "do", &[])), "secret");
}

#[test]
fn who_may_call() {
    let mut l = Ledger::new("x");
    l.attributes.push(Attribute { name: "role".into(), value: "teller".into() });
    set(|c| {
        assert_eq!((c.attribute("role"), c.attribute("rank")), (Some("teller"), None));
        c.require_party(&["z@z", "a@b"])?;
        c.require_attribute("role", "teller")?;
        c.require_organisation("b")?;
        for refused in [c.require_party(&["z@z"]), c.require_attribute("role", "auditor"), c.require_organisation("a")] {
            assert_eq!(refused.unwrap_err().code, concordat::FORBIDDEN);
        }
        Ok(String::new())
    });
    l.call(METHODS, "a@b", "do", &[]).unwrap();
}

#[test]
fn cryptography_that_the_test_answers() {
    let mut l = Ledger::new("x");
    l.answers.insert((4, b"abc".to_vec()), Some(vec![9; 32]));
    l.answers.insert((8, [&[0; 96][..], b"k"].concat()), None);
    set(|c| {
        assert_eq!(c.keccak256(b"abc"), [9; 32]);
        assert!(!c.verify_secp256k1(b"k", &[0; 32], &[0; 64]));
        assert_ne!(c.deterministic_random(), c.deterministic_random());
        c.blake3(b"");
        Ok(String::new())
    });
    assert!(l.call(METHODS, "a@b", "do", &[]).unwrap_err().message.contains("operation 5 is not computed by the test kit"));
}

#[test]
fn a_contract_in_a_call_is_not_entered_again() {
    let mut l = Ledger::new("x");
    set(|c| c.call::<_, Nothing>("x", "do", Nothing).map(|_| String::new()));
    let e = l.call(METHODS, "a@a", "do", &[]).unwrap_err();
    assert_eq!((e.code, e.message.as_str()), (0, "contract x is in a call already and cannot be entered again"));
}

#[test]
fn a_contract_that_is_ready_is_entered_again() {
    let mut l = Ledger::new("x");
    l.reentrant = true;
    l.attributes.push(Attribute { name: "role".into(), value: "teller".into() });
    set(|c| {
        if !c.via.is_empty() {
            assert_eq!((c.caller.as_str(), c.organisation.as_str(), c.signer.as_str()), ("contract:x", "", "a@a"));
            assert!(c.attributes.is_empty());
            c.put(b"inner", b"");
            return Err(Error::new(3, "no"));
        }
        assert_eq!((c.caller.as_str(), c.signer.as_str(), c.attributes.len()), ("a@a", "a@a", 1));
        c.put(b"outer", b"");
        assert_eq!(c.call::<_, Nothing>("x", "do", Nothing).unwrap_err().code, 3);
        assert_eq!(c.call::<_, Nothing>("x", "init", Nothing).unwrap_err().message, "init runs once, at deployment");
        assert!(c.get(b"inner").is_none());
        Ok(String::new())
    });
    l.call(METHODS, "a@a", "do", &[]).unwrap();
    assert_eq!(l.state.len(), 1);
    set(|c| c.call::<_, Nothing>("x", "do", Nothing).map(|_| String::new()));
    let e = l.call(METHODS, "a@a", "do", &[]).unwrap_err();
    assert_eq!(e.message, "contracts call each other more than 8 deep");
}

#[test]
fn calls_through_a_contract_are_the_contracts() {
    let mut l = Ledger::new("x");
    l.via = "bank".into();
    set(|c| Ok([c.caller.as_str(), &c.organisation, &c.signer, &c.via].join("/")));
    assert_eq!(text(l.call(METHODS, "a@b", "do", &[])), "contract:bank//a@b/bank");
}

#[test]
fn what_a_called_contract_has_read_counts() {
    let others = |_: &str, _: &str, _: &[u8]| {
        concordat::ledgertest::read_for(&["a@a"]);
        Err(Error::new(3, "no"))
    };
    let mut l = Ledger::new("x");
    l.others = Some(others);
    set(|c| {
        assert_eq!(c.call::<_, Nothing>("y", "m", Nothing).unwrap_err().code, 3);
        c.put(b"k", b"");
        Ok(String::new())
    });
    let e = l.call(METHODS, "a@a", "do", &[]).unwrap_err();
    assert!(e.message.contains("not everyone in the audience"), "{}", e.message);
}
