//! The typed parts of the state, on the ledger in memory.

use std::cell::RefCell;

use concordat::ledgertest::Ledger;
use concordat::{number, parse_number, Amount, Context, Error, History, Index, Map, Nothing, Single, Stored};

concordat::message! { pub struct Text { 1 => text: String } }
concordat::contract! { "do" => act }

type Act = Box<dyn Fn(&mut Context)>;

thread_local! {
    static ACT: RefCell<Option<Act>> = RefCell::new(None);
}

fn act(c: &mut Context, _: Nothing) -> Result<Nothing, Error> {
    ACT.with(|a| a.borrow().as_ref().unwrap()(c));
    Ok(Nothing)
}

fn run(l: &mut Ledger, f: impl Fn(&mut Context) + 'static) -> Result<Vec<u8>, Error> {
    ACT.with(|a| *a.borrow_mut() = Some(Box::new(f)));
    l.call(METHODS, "a@a", "do", &[])
}

static AMOUNTS: Map<Amount> = Map::new("amount");
static TOTAL: Single<Amount> = Single::new("total");
static COLOURS: Index = Index::new("colour");
static PRICES: History<Stored<Text>> = History::new("price");

fn price(text: &str) -> Stored<Text> {
    Stored(Text { text: text.into() })
}

#[test]
fn a_map_is_read_in_pages() {
    run(&mut Ledger::new("x"), |c| {
        for n in 0..300u64 {
            AMOUNTS.put(c, &Amount(u128::from(n) + 1), &["a", &format!("{:03}", n)]);
        }
        AMOUNTS.put(c, &Amount(7), &["b"]);
        AMOUNTS.put(c, &Amount(7), &["ab"]);
        let (mut last, mut seen): (Option<Vec<Vec<u8>>>, u128) = (None, 0);
        loop {
            let mut page = 0;
            let before = last.clone();
            let visit = |key: &[Vec<u8>], v: Amount| {
                seen += 1;
                assert_eq!(v, Amount(seen));
                last = Some(key.to_vec());
                page += 1;
                page < 100
            };
            match &before {
                None => AMOUNTS.scan(c, &["a"], visit),
                Some(key) => AMOUNTS.scan_after(c, key, &["a"], visit),
            }
            if page == 0 {
                break;
            }
        }
        assert_eq!(seen, 300);
        AMOUNTS.delete(c, &["b"]);
        assert!(AMOUNTS.find(c, &["b"]).is_none());
    })
    .unwrap();
}

#[test]
fn a_single_value_and_an_index() {
    run(&mut Ledger::new("x"), |c| {
        assert!(TOTAL.find(c).is_none());
        TOTAL.put(c, &Amount(5));
        assert_eq!(TOTAL.get(c), Amount(5));
        TOTAL.delete(c);
        assert!(TOTAL.find(c).is_none());
        for id in ["3", "1", "2"] {
            COLOURS.add(c, "red", id);
        }
        COLOURS.add(c, "redder", "4");
        COLOURS.remove(c, "red", "1");
        let mut found = String::new();
        COLOURS.scan(c, "red", |id| {
            found += id;
            true
        });
        assert_eq!(found, "23");
        for (last, want) in [("", "23"), ("1", "23"), ("2", "3"), ("3", "")] {
            found.clear();
            COLOURS.scan_after(c, "red", last, |id| {
                found += id;
                true
            });
            assert_eq!(found, want, "after {}", last);
        }
        assert!(COLOURS.has(c, "red", "2") && !COLOURS.has(c, "red", "1"));
    })
    .unwrap();
}

#[test]
fn a_history_keeps_what_was_appended() {
    run(&mut Ledger::new("x"), |c| {
        for (i, s) in ["a", "", "c", "d"].iter().enumerate() {
            assert_eq!(PRICES.append(c, &price(s), &["oil"]), i as u64);
        }
        PRICES.append(c, &price("other"), &["oil", "12345678"]);
        assert_eq!((PRICES.count(c, &["oil"]), PRICES.count(c, &["gas"])), (4, 0));
        let mut all = Vec::new();
        PRICES.scan(c, 0, 99, &["oil"], |n, v| {
            all.push((n, v.0.text));
            true
        });
        assert_eq!(all, [(0, "a".into()), (1, "".into()), (2, "c".into()), (3, "d".into())]);
        all.clear();
        PRICES.scan_newest(c, 1, 3, &["oil"], |n, v| {
            all.push((n, v.0.text));
            true
        });
        assert_eq!(all, [(2, "c".into()), (1, "".into())]);
        assert_eq!(PRICES.find(c, 3, &["oil"]), Some(price("d")));
        assert_eq!(PRICES.find(c, 4, &["oil"]), None);
        assert_eq!((parse_number(&number(258)), parse_number(b"1")), (Some(258), None));
    })
    .unwrap();
}

#[test]
fn collections_have_audiences() {
    let mut l = Ledger::new("x");
    run(&mut l, |c| {
        PRICES.append_for(c, &["a@a"], &price("1"), &["oil"]);
        PRICES.append_for(c, &["org:b"], &price("2"), &["oil"]);
        AMOUNTS.put_for(c, &["a@a"], &Amount(1), &["k"]);
        COLOURS.add_for(c, &["a@a"], "red", "1");
        TOTAL.put_for(c, &["org:b"], &Amount(1));
    })
    .unwrap();
    assert_eq!(l.audiences.len(), 5);
    run(&mut l, |c| {
        let v = AMOUNTS.get(c, &["k"]);
        PRICES.append_for(c, &["a@a"], &price("3"), &["oil"]);
        TOTAL.put_declassified(c, &[], &v);
        AMOUNTS.put_declassified(c, &[], &v, &["k"]);
        assert_eq!(PRICES.count(c, &["oil"]), 3);
    })
    .unwrap();
    assert_eq!(l.audiences.len(), 4);
    let e = run(&mut l, |c| {
        PRICES.find(c, 0, &["oil"]);
        PRICES.append_for(c, &["org:b"], &price("4"), &["oil"]);
    });
    assert!(e.unwrap_err().message.contains("not everyone in the audience"));
}
