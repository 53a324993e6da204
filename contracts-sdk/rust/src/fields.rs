//! The canonical byte form of messages: a subset of protobuf with fields in
//! ascending order, each at most once, defaults left out, varints in their shortest
//! form, nothing unknown.

use crate::contract::{Error, BAD_ARGUMENTS};
use crate::Amount;

/// A structure with a canonical byte form. [`message!`](crate::message) writes it:
/// `fields` names each field once, in ascending order of tags, and serves reading
/// and writing alike.
pub trait Message: Default {
    /// The type's name, for the schema.
    const NAME: &'static str = "";

    fn fields(&mut self, f: &mut Fields<'_>);
}

/// The message without fields.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Nothing;

impl Message for Nothing {
    const NAME: &'static str = "Nothing";

    fn fields(&mut self, _: &mut Fields<'_>) {}
}

enum Mode<'a> {
    Reading(&'a [u8]),
    Writing(Vec<u8>),
}

/// Handed to a message's `fields`.
pub struct Fields<'a> {
    mode: Mode<'a>,
    bad: Option<&'static str>,
    tag: u32, // of the next field to read, 0: none
    wire: u8,
}

const VARINT: u8 = 0;
const BYTES: u8 = 2;

/// A message's byte form.
pub fn encode<M: Message>(m: &mut M) -> Vec<u8> {
    let mut f = Fields { mode: Mode::Writing(Vec::with_capacity(64)), bad: None, tag: 0, wire: 0 };
    m.fields(&mut f);
    match f.mode {
        Mode::Writing(b) => b,
        Mode::Reading(_) => Vec::new(),
    }
}

/// Reads a message and refuses any other form of it.
pub fn decode<M: Message>(b: &[u8]) -> Result<M, Error> {
    parse(b).map_err(|why| Error::new(BAD_ARGUMENTS, why))
}

fn parse<M: Message>(b: &[u8]) -> Result<M, &'static str> {
    let mut m = M::default();
    let mut f = Fields::of(b);
    m.fields(&mut f);
    f.end().map(|()| m)
}

impl<'a> Fields<'a> {
    /// Begins to read a message.
    pub(crate) fn of(b: &'a [u8]) -> Fields<'a> {
        let mut f = Fields { mode: Mode::Reading(b), bad: None, tag: 0, wire: 0 };
        f.next();
        f
    }

    /// Ends to read a message: what is wrong with it, if anything is.
    pub(crate) fn end(mut self) -> Result<(), &'static str> {
        if self.tag != 0 {
            self.fail("a field is unknown or out of order");
        }
        self.bad.map_or(Ok(()), Err)
    }

    pub(crate) fn fail(&mut self, why: &'static str) {
        self.bad.get_or_insert(why);
        self.tag = 0;
        if let Mode::Reading(rest) = &mut self.mode {
            *rest = &[];
        }
    }

    fn varint(&mut self) -> u64 {
        if let Mode::Reading(rest) = &mut self.mode {
            let b = *rest;
            let mut v = 0u64;
            for (i, &c) in b.iter().enumerate() {
                if i == 9 && c > 1 || i > 9 {
                    break;
                }
                v |= u64::from(c & 0x7f) << (7 * i);
                if c < 0x80 {
                    if c == 0 && i > 0 {
                        break;
                    }
                    *rest = &b[i + 1..];
                    return v;
                }
            }
        }
        self.fail("a number is cut off or not in its shortest form");
        0
    }

    fn next(&mut self) {
        let last = self.tag;
        self.tag = 0;
        if matches!(&self.mode, Mode::Reading(rest) if rest.is_empty()) {
            return;
        }
        let v = self.varint();
        if self.bad.is_none() && (v >> 3 <= u64::from(last) || v >> 3 > 1 << 29) {
            self.fail("a field is unknown or out of order");
            return;
        }
        self.tag = (v >> 3) as u32;
        self.wire = (v & 7) as u8;
    }

    /// Whether the next field to read is the given one.
    pub(crate) fn here(&mut self, tag: u32, wire: u8) -> bool {
        if self.tag != tag {
            return false;
        }
        if self.wire != wire {
            self.fail("a field has another type");
            return false;
        }
        true
    }

    pub(crate) fn is_reading(&self) -> bool {
        matches!(self.mode, Mode::Reading(_))
    }

    pub(crate) const BYTES: u8 = BYTES;

    /// A field of a number.
    pub fn number(&mut self, tag: u32, v: &mut u64) {
        if let Mode::Writing(b) = &mut self.mode {
            if *v != 0 {
                append_varint(b, u64::from(tag) << 3 | u64::from(VARINT));
                append_varint(b, *v);
            }
            return;
        }
        *v = 0;
        if self.here(tag, VARINT) {
            *v = self.varint();
            if *v == 0 {
                self.fail("a field holds its default, which is left out");
            }
            self.next();
        }
    }

    /// Writes a field of bytes.
    pub fn write(&mut self, tag: u32, v: &[u8]) {
        if let Mode::Writing(b) = &mut self.mode {
            if !v.is_empty() {
                append_varint(b, u64::from(tag) << 3 | u64::from(BYTES));
                append_varint(b, v.len() as u64);
                b.extend_from_slice(v);
            }
        }
    }

    /// Reads a field of bytes; empty when it is not there.
    pub fn read(&mut self, tag: u32) -> &'a [u8] {
        if !self.here(tag, BYTES) {
            return &[];
        }
        let n = self.varint();
        let mut out: &'a [u8] = &[];
        let mut short = true;
        if let Mode::Reading(rest) = &mut self.mode {
            let b = *rest;
            if n != 0 && n <= b.len() as u64 {
                let (first, left) = b.split_at(n as usize);
                out = first;
                *rest = left;
                short = false;
            }
        }
        if short {
            self.fail("a field is cut off, or holds its default, which is left out");
            return &[];
        }
        self.next();
        out
    }

    /// Reads a field of text; empty when it is not there.
    pub(crate) fn read_text(&mut self, tag: u32) -> &'a str {
        let b = self.read(tag);
        if is_ascii(b) {
            return unsafe { std::str::from_utf8_unchecked(b) }; // ASCII is UTF-8
        }
        std::str::from_utf8(b).unwrap_or_else(|_| {
            self.fail("a text is not UTF-8");
            ""
        })
    }

    /// Reads one value of a field that may stand several times; unlike a single one,
    /// it may be empty.
    pub(crate) fn element(&mut self) -> &'a [u8] {
        let n = self.varint();
        let mut out: Option<&'a [u8]> = None;
        if let Mode::Reading(rest) = &mut self.mode {
            let b = *rest;
            if self.bad.is_none() && n <= b.len() as u64 {
                let (first, left) = b.split_at(n as usize);
                out = Some(first);
                *rest = left;
            }
        }
        match out {
            Some(one) => {
                self.tag -= 1; // the same tag may follow
                self.next();
                one
            }
            None => {
                self.fail("a field is cut off, or holds its default, which is left out");
                &[]
            }
        }
    }
}

impl<'a> Fields<'a> {
    /// Writes bytes with their length, for a field that may stand several times; they
    /// may be empty.
    pub(crate) fn write_element(&mut self, tag: u32, v: &[u8]) {
        if let Mode::Writing(b) = &mut self.mode {
            append_varint(b, u64::from(tag) << 3 | u64::from(BYTES));
            append_varint(b, v.len() as u64);
            b.extend_from_slice(v);
        }
    }

    /// Reads a message inside of another; what is wrong with it is wrong with this one.
    pub(crate) fn nested<M: Message>(&mut self, b: &[u8]) -> M {
        match parse(b) {
            Ok(m) => m,
            Err(why) => {
                self.fail(why);
                M::default()
            }
        }
    }

    /// Reads numbers that stand one after another.
    pub(crate) fn numbers(&mut self, b: &[u8], mut take: impl FnMut(u64) -> bool) {
        let mut inner = Fields { mode: Mode::Reading(b), bad: None, tag: 0, wire: 0 };
        while matches!(&inner.mode, Mode::Reading(rest) if !rest.is_empty()) {
            let v = inner.varint();
            if inner.bad.is_none() && !take(v) {
                inner.fail("a number of a list is out of its range");
            }
        }
        if let Some(why) = inner.bad {
            self.fail(why);
        }
    }
}

/// Eight bytes at a time, which for a short text takes a third of from_utf8.
fn is_ascii(b: &[u8]) -> bool {
    let words = b.chunks_exact(8);
    let rest = words.remainder().iter().fold(0, |all, &c| all | c);
    let all = words.fold(0, |all, w| all | u64::from_ne_bytes([w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]]));
    all & 0x8080_8080_8080_8080 == 0 && rest < 0x80
}

pub(crate) fn append_varint(b: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        b.push(v as u8 | 0x80);
        v >>= 7;
    }
    b.push(v as u8);
}

/// A type that a message's field can have.
pub trait Field {
    /// The type's name in a schema.
    const KIND: &'static str;
    /// Whether the field holds any number of values.
    const REPEATED: bool = false;

    fn field(&mut self, tag: u32, f: &mut Fields<'_>);
}

impl Field for u64 {
    const KIND: &'static str = "uint64";

    fn field(&mut self, tag: u32, f: &mut Fields<'_>) {
        f.number(tag, self);
    }
}

impl Field for i64 {
    const KIND: &'static str = "int64";

    fn field(&mut self, tag: u32, f: &mut Fields<'_>) {
        let mut v = *self as u64;
        f.number(tag, &mut v);
        *self = v as i64;
    }
}

impl Field for bool {
    const KIND: &'static str = "bool";

    fn field(&mut self, tag: u32, f: &mut Fields<'_>) {
        let mut v = u64::from(*self);
        f.number(tag, &mut v);
        if f.is_reading() && v > 1 {
            f.fail("a field is neither true nor false");
        }
        *self = v != 0;
    }
}

impl Field for Vec<u8> {
    const KIND: &'static str = "bytes";

    fn field(&mut self, tag: u32, f: &mut Fields<'_>) {
        if f.is_reading() {
            *self = f.read(tag).to_vec();
        } else {
            f.write(tag, self);
        }
    }
}

impl Field for String {
    const KIND: &'static str = "string";

    fn field(&mut self, tag: u32, f: &mut Fields<'_>) {
        if !f.is_reading() {
            f.write(tag, self.as_bytes());
            return;
        }
        *self = f.read_text(tag).to_owned();
    }
}

impl Field for Amount {
    const KIND: &'static str = "amount";

    fn field(&mut self, tag: u32, f: &mut Fields<'_>) {
        if !f.is_reading() {
            let mut b = Vec::with_capacity(16);
            self.append(&mut b);
            f.write(tag, &b);
            return;
        }
        match Amount::parse(f.read(tag)) {
            Some(v) => *self = v,
            None => f.fail("an amount is longer than 16 bytes or not in its shortest form"),
        }
    }
}

/// A message as its bytes, for a contract that hands on what it does not know: the
/// arguments of another contract's method, or what that returns. It is a whole message,
/// never a field of one.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Raw(pub Vec<u8>);

impl Message for Raw {
    const NAME: &'static str = "Raw";

    fn fields(&mut self, f: &mut Fields<'_>) {
        let (tag, wire) = (f.tag, f.wire);
        match &mut f.mode {
            Mode::Writing(b) => b.extend_from_slice(&self.0),
            Mode::Reading(rest) if tag != 0 => {
                // the first tag was read
                self.0.clear();
                append_varint(&mut self.0, u64::from(tag) << 3 | u64::from(wire));
                self.0.extend_from_slice(rest);
                *rest = &[];
                f.tag = 0;
            }
            Mode::Reading(_) => self.0.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, Context};

    crate::message! {
        struct Everything {
            1 => s: String, 2 => u: u64, 3 => i: i64, 4 => b: bool, 9 => a: Amount, 200 => y: Vec<u8>, 300 => last: u64,
        }
    }

    fn sample() -> Everything {
        Everything { s: "text".into(), u: 1 << 63, i: -5, b: true, a: Amount(u128::MAX), y: vec![0, 1], last: 7 }
    }

    #[test]
    fn every_field_comes_back() {
        assert_eq!(decode::<Everything>(&encode(&mut sample())), Ok(sample()));
        assert!(encode(&mut Everything::default()).is_empty());
    }

    /// Every cut and every change of one byte is refused, or is the one form of what
    /// was read.
    #[test]
    fn what_is_read_is_written_alike() {
        let whole = encode(&mut sample());
        let mut tried = 0;
        for at in 0..whole.len() {
            for c in 0..=255 {
                let mut b = whole.clone();
                b[at] = c;
                for b in [&b[..], &b[..at]] {
                    if let Ok(mut m) = decode::<Everything>(b) {
                        assert_eq!(encode(&mut m), b);
                        tried += 1;
                    }
                }
            }
        }
        assert!(tried > 1000);
    }

    #[test]
    fn the_envelope_holds_several_attributes() {
        let attribute = |name: &str, value: &str| {
            let b = encode(&mut Attribute { name: name.into(), value: value.into() });
            [&[5 << 3 | BYTES, b.len() as u8], &b[..]].concat()
        };
        let head = [b"\x0a\x01m\x1a\x01p".to_vec(), attribute("role", "teller"), attribute("", ""), attribute("role", "auditor")].concat();
        let whole = [&head[..], &[8 << 3, 9]].concat();
        let c: Context = decode(&whole).unwrap();
        assert_eq!(c.attributes.len(), 3);
        assert_eq!(c.attributes[1], Attribute::default());
        assert_eq!(c.attributes[2], Attribute { name: "role".into(), value: "auditor".into() });
        assert_eq!(c.height, 9);
        for tail in [&[5 << 3 | BYTES][..], &[4 << 3 | BYTES, 1, b'o'], &[5 << 3 | BYTES, 1, 0xff], &[8 << 3, 9, 8 << 3, 9]] {
            assert!(decode::<Context>(&[&head[..], tail].concat()).is_err(), "{:?}", tail);
        }
        assert!(decode::<Context>(&whole[..12]).is_err());
    }

    #[test]
    fn raw_hands_on_what_it_does_not_know() {
        let whole = encode(&mut sample());
        let mut raw: Raw = decode(&whole).unwrap();
        assert_eq!(raw.0, whole);
        assert_eq!(encode(&mut raw), whole);
        assert_eq!(decode::<Raw>(&[]).unwrap(), Raw::default());
        assert!(decode::<Raw>(&[0xff]).is_err());
    }
}
