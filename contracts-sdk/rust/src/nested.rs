//! Fields that hold messages, lists, hashes and numbers of 32 bits.

use crate::fields::{append_varint, encode, Field, Fields, Message};
use crate::Amount;

/// A type of which a field can hold any number of values.
pub trait Element: Sized {
    /// The type's name in a schema.
    const KIND: &'static str;

    /// Reads or writes all values of a field.
    fn list(v: &mut Vec<Self>, tag: u32, f: &mut Fields<'_>);
}

impl<T: Element> Field for Vec<T> {
    const KIND: &'static str = T::KIND;
    const REPEATED: bool = true;

    fn field(&mut self, tag: u32, f: &mut Fields<'_>) {
        T::list(self, tag, f);
    }
}

impl<M: Message> Field for M {
    const KIND: &'static str = M::NAME;

    fn field(&mut self, tag: u32, f: &mut Fields<'_>) {
        if f.is_reading() {
            let b = f.read(tag);
            *self = f.nested(b);
        } else {
            f.write(tag, &encode(self));
        }
    }
}

impl<M: Message> Element for M {
    const KIND: &'static str = M::NAME;

    fn list(v: &mut Vec<M>, tag: u32, f: &mut Fields<'_>) {
        each(v, tag, f, |f, b| f.nested(b), encode);
    }
}

/// A field that stands once for every value.
fn each<'a, T>(
    v: &mut Vec<T>,
    tag: u32,
    f: &mut Fields<'a>,
    read: impl Fn(&mut Fields<'a>, &'a [u8]) -> T,
    write: impl Fn(&mut T) -> Vec<u8>,
) {
    if !f.is_reading() {
        for one in v {
            let b = write(one);
            f.write_element(tag, &b);
        }
        return;
    }
    v.clear();
    while f.here(tag, Fields::BYTES) {
        let b = f.element();
        let one = read(f, b);
        v.push(one);
    }
}

impl Element for Vec<u8> {
    const KIND: &'static str = <Vec<u8> as Field>::KIND;

    fn list(v: &mut Vec<Self>, tag: u32, f: &mut Fields<'_>) {
        each(v, tag, f, |_, b| b.to_vec(), |one| one.clone());
    }
}

impl Element for String {
    const KIND: &'static str = <String as Field>::KIND;

    fn list(v: &mut Vec<Self>, tag: u32, f: &mut Fields<'_>) {
        let read = |f: &mut Fields<'_>, b: &[u8]| match std::str::from_utf8(b) {
            Ok(s) => s.to_owned(),
            Err(_) => {
                f.fail("a text is not UTF-8");
                String::new()
            }
        };
        each(v, tag, f, read, |one| one.clone().into_bytes());
    }
}

impl Element for Amount {
    const KIND: &'static str = <Amount as Field>::KIND;

    fn list(v: &mut Vec<Self>, tag: u32, f: &mut Fields<'_>) {
        let read = |f: &mut Fields<'_>, b: &[u8]| {
            Amount::parse(b).unwrap_or_else(|| {
                f.fail("an amount is longer than 16 bytes or not in its shortest form");
                Amount::default()
            })
        };
        each(v, tag, f, read, |one| {
            let mut b = Vec::with_capacity(16);
            one.append(&mut b);
            b
        });
    }
}

/// A hash of zeros is left out.
impl Field for [u8; 32] {
    const KIND: &'static str = "hash";

    fn field(&mut self, tag: u32, f: &mut Fields<'_>) {
        if !f.is_reading() {
            if *self != [0; 32] {
                f.write(tag, self);
            }
            return;
        }
        *self = [0; 32];
        let b = f.read(tag);
        if b.len() == 32 {
            self.copy_from_slice(b);
        }
        if !b.is_empty() && *self == [0; 32] {
            f.fail("a hash does not have 32 bytes, or is one of zeros, which is left out");
        }
    }
}

impl Element for [u8; 32] {
    const KIND: &'static str = <[u8; 32] as Field>::KIND;

    fn list(v: &mut Vec<Self>, tag: u32, f: &mut Fields<'_>) {
        let read = |f: &mut Fields<'_>, b: &[u8]| {
            let mut one = [0; 32];
            if b.len() == 32 {
                one.copy_from_slice(b);
            } else {
                f.fail("a hash does not have 32 bytes");
            }
            one
        };
        each(v, tag, f, read, |one| one.to_vec());
    }
}

macro_rules! narrow {
    ($($kind:ty, $name:literal, $wide:ty;)*) => {$(
        impl Field for $kind {
            const KIND: &'static str = $name;

            fn field(&mut self, tag: u32, f: &mut Fields<'_>) {
                let mut v = <$wide>::from(*self) as u64;
                f.number(tag, &mut v);
                *self = v as $kind;
                if <$wide>::from(*self) as u64 != v {
                    f.fail("a number has more than 32 bits");
                }
            }
        }
    )*};
}

narrow! { u32, "uint32", u64; i32, "int32", i64; }

/// Numbers of a list stand one after another, without a tag each.
macro_rules! packed {
    ($($kind:ty, $wide:ty;)*) => {$(
        impl Element for $kind {
            const KIND: &'static str = <$kind as Field>::KIND;

            fn list(v: &mut Vec<Self>, tag: u32, f: &mut Fields<'_>) {
                if !f.is_reading() {
                    let mut b = Vec::new();
                    for one in v {
                        append_varint(&mut b, <$wide>::from(*one) as u64);
                    }
                    f.write(tag, &b);
                    return;
                }
                v.clear();
                let b = f.read(tag);
                f.numbers(b, |u| {
                    v.push(u as $kind);
                    <$wide>::from(u as $kind) as u64 == u
                });
            }
        }
    )*};
}

packed! { u64, u64; i64, i64; u32, u64; i32, i64; }

impl Element for bool {
    const KIND: &'static str = <bool as Field>::KIND;

    fn list(v: &mut Vec<Self>, tag: u32, f: &mut Fields<'_>) {
        if !f.is_reading() {
            let b: Vec<u8> = v.iter().map(|one| u8::from(*one)).collect();
            f.write(tag, &b);
            return;
        }
        v.clear();
        let b = f.read(tag);
        f.numbers(b, |u| {
            v.push(u == 1);
            u <= 1
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::decode;

    crate::message! { struct Address { 1 => street: String, 2 => zip: u32 } }
    crate::message! { struct Line { 1 => item: String, 2 => price: Amount, 3 => from: Address, 4 => parts: Vec<Line> } }
    crate::message! {
        struct Order {
            1 => lines: Vec<Line>,
            2 => ship: Address,
            3 => flags: Vec<bool>,
            4 => deltas: Vec<i32>,
            5 => hash: [u8; 32],
            6 => tags: Vec<String>,
            7 => hashes: Vec<[u8; 32]>,
            8 => n: u32,
            9 => i: i32,
            10 => prices: Vec<Amount>,
            11 => raw: Vec<Vec<u8>>,
            12 => sums: Vec<u64>,
        }
    }

    fn line(item: &str, zip: u32, parts: Vec<Line>) -> Line {
        Line { item: item.into(), price: Amount(2), from: Address { street: "A".into(), zip }, parts }
    }

    fn full() -> Order {
        Order {
            lines: vec![line(&"x".repeat(300), 1, vec![line("bolt", 2, vec![]), Line::default()]), Line::default()],
            ship: Address { street: "B".into(), zip: 300 },
            flags: vec![true, false],
            deltas: vec![0, -1, 1 << 30],
            hash: [7; 32],
            tags: vec!["".into(), "x".into()],
            hashes: vec![[0; 32], [1; 32]],
            n: 7,
            i: -7,
            prices: vec![Amount(0), Amount(u128::MAX)],
            raw: vec![vec![], vec![1, 2]],
            sums: vec![0, u64::MAX],
        }
    }

    #[test]
    fn lists_and_messages_come_back() {
        assert_eq!(decode::<Order>(&encode(&mut full())), Ok(full()));
        assert!(encode(&mut Order::default()).is_empty());
        // As package schema and the SDK for Go write it.
        let mut o = Order {
            lines: vec![line("nail", 1, vec![]), Line::default()],
            ship: Address { street: "B".into(), zip: 300 },
            flags: vec![true, false],
            deltas: vec![0, -1],
            tags: vec!["".into(), "x".into()],
            n: 7,
            ..Order::default()
        };
        let want: &[u8] = b"\x0a\x10\x0a\x04nail\x12\x01\x02\x1a\x05\x0a\x01A\x10\x01\x0a\x00\x12\x06\x0a\x01B\x10\xac\x02\x1a\x02\x01\x00\
            \x22\x0b\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x32\x00\x32\x01x\x40\x07";
        assert_eq!(encode(&mut o), want);
    }

    #[test]
    fn lists_and_messages_that_are_refused() {
        let zeros = [&b"\x2a\x20"[..], &[0; 32]].concat();
        let long = [&b"\x2a\x21"[..], &[1; 33]].concat();
        let cases: Vec<(&str, &[u8])> = vec![
            ("a list of numbers in two pieces", b"\x22\x01\x01\x22\x01\x01"),
            ("an empty list of numbers", b"\x22\x00"),
            ("a number that is cut off", b"\x22\x01\x80"),
            ("a number in a longer form", b"\x22\x02\x81\x00"),
            ("33 bits in a list", b"\x22\x05\x80\x80\x80\x80\x10"),
            ("a message that is not there", b"\x12\x00"),
            ("a message twice", b"\x12\x02\x10\x01\x12\x02\x10\x01"),
            ("a list that goes on later", b"\x0a\x00\x12\x02\x10\x01\x0a\x00"),
            ("an unknown field in a message", b"\x12\x02\x18\x01"),
            ("a message that is too long", b"\x12\x03\x10\x01"),
            ("a hash of zeros", &zeros),
            ("a long hash", &long),
            ("a short hash in a list", b"\x3a\x01\x01"),
            ("33 bits", b"\x40\x80\x80\x80\x80\x10"),
            ("no bool", b"\x1a\x01\x02"),
            ("no text in a list", b"\x32\x01\xff"),
            ("no amount in a list", b"\x52\x01\x00"),
        ];
        for (name, b) in cases {
            assert!(decode::<Order>(b).is_err(), "{} is read", name);
        }
    }

    /// Every cut and every change of one byte is refused, or is the one form of what
    /// was read.
    #[test]
    fn what_is_read_is_written_alike() {
        let whole = encode(&mut full());
        let mut tried = 0;
        for at in 0..whole.len() {
            for c in 0..=255 {
                let mut b = whole.clone();
                b[at] = c;
                for b in [&b[..], &b[..at]] {
                    if let Ok(mut m) = decode::<Order>(b) {
                        assert_eq!(encode(&mut m), b);
                        tried += 1;
                    }
                }
            }
        }
        assert!(tried > 1000);
    }

    #[test]
    fn types_have_their_names() {
        assert_eq!(<Vec<Line> as Field>::KIND, "Line");
        assert!(<Vec<[u8; 32]> as Field>::REPEATED && !<Vec<u8> as Field>::REPEATED);
    }
}
