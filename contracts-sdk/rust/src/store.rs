//! Typed parts of the state.

use std::marker::PhantomData;

use crate::fields::{decode, encode, Message};
use crate::{Amount, Audience, Context};

/// Takes a key apart that [`key`] joined.
pub(crate) fn parts_of(mut key: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    while let Some((&n, rest)) = key.split_first() {
        let (part, rest) = rest.split_at(usize::from(n));
        parts.push(part.to_vec());
        key = rest;
    }
    parts
}

/// The first key behind all that begin with b; empty when there is none.
pub(crate) fn after(b: &[u8]) -> Vec<u8> {
    let mut b = b.to_vec();
    while let Some(last) = b.pop() {
        if last != 255 {
            b.push(last + 1);
            break;
        }
    }
    b
}

pub(crate) fn append_part(b: &mut Vec<u8>, part: &[u8]) {
    assert!(part.len() <= 255, "a part of a key is longer than 255 bytes");
    b.push(part.len() as u8);
    b.extend_from_slice(part);
}

/// Joins parts so that different parts never give the same key: each follows its
/// length. All keys of one first part stand together, for scans.
pub fn key(parts: &[&str]) -> Vec<u8> {
    let mut b = Vec::with_capacity(64);
    append_parts(&mut b, parts);
    b
}

fn append_parts(b: &mut Vec<u8>, parts: &[&str]) {
    for p in parts {
        append_part(b, p.as_bytes());
    }
}

/// A type that a [`Map`] holds.
pub trait Value: Default {
    fn append_value(&self, out: &mut Vec<u8>);
    fn parse_value(b: &[u8]) -> Option<Self>;
}

impl Value for Amount {
    fn append_value(&self, out: &mut Vec<u8>) {
        self.append(out);
    }

    fn parse_value(b: &[u8]) -> Option<Amount> {
        Amount::parse(b)
    }
}

/// A part of the state whose values are of one type, under keys that begin with its
/// name. A value that is not there reads as its default.
pub struct Map<V> {
    pub name: &'static str,
    kind: PhantomData<fn() -> V>,
}

impl<V> Map<V> {
    pub const fn new(name: &'static str) -> Map<V> {
        Map { name, kind: PhantomData }
    }
}

impl<V: Value> Map<V> {
    fn key(&self, parts: &[&str]) -> Vec<u8> {
        let mut b = key(&[self.name]);
        append_parts(&mut b, parts);
        b
    }

    /// Reads the value at a key.
    pub fn get(&self, c: &Context, parts: &[&str]) -> V {
        self.find(c, parts).unwrap_or_default()
    }

    /// Reads the value at a key, if there is one.
    pub fn find(&self, c: &Context, parts: &[&str]) -> Option<V> {
        c.get(&self.key(parts)).map(|raw| parse(&raw))
    }

    /// Writes the value at a key; one whose bytes are empty, as an amount of zero, is
    /// deleted.
    pub fn put(&self, c: &mut Context, v: &V, parts: &[&str]) {
        self.put_for(c, &[], v, parts);
    }

    /// Writes a value for an audience only.
    pub fn put_for(&self, c: &mut Context, to: Audience<'_>, v: &V, parts: &[&str]) {
        match (bytes(v), self.key(parts)) {
            (raw, key) if raw.is_empty() => c.delete(&key),
            (raw, key) => c.put_for(to, &key, &raw),
        }
    }

    /// put_for as [`Context::put_declassified`] is.
    pub fn put_declassified(&self, c: &mut Context, to: Audience<'_>, v: &V, parts: &[&str]) {
        match (bytes(v), self.key(parts)) {
            (raw, key) if raw.is_empty() => c.delete(&key),
            (raw, key) => c.put_declassified(to, &key, &raw),
        }
    }

    /// Removes the value at a key; it is no error when there is none.
    pub fn delete(&self, c: &mut Context, parts: &[&str]) {
        c.delete(&self.key(parts));
    }

    /// Visits the values whose keys begin with the given parts, in order, until visit
    /// returns false. Parts are bytes, for they need not be text.
    pub fn scan(&self, c: &Context, prefix: &[&str], visit: impl FnMut(&[Vec<u8>], V) -> bool) {
        let from = self.key(prefix);
        visit_all(c, &from, &after(&from), visit);
    }

    /// Scan from behind a whole key on, for the next page.
    pub fn scan_after(&self, c: &Context, last: &[Vec<u8>], prefix: &[&str], visit: impl FnMut(&[Vec<u8>], V) -> bool) {
        let mut from = key(&[self.name]);
        for part in last {
            append_part(&mut from, part);
        }
        from.push(0);
        visit_all(c, &from, &after(&self.key(prefix)), visit);
    }
}

fn visit_all<V: Value>(c: &Context, from: &[u8], to: &[u8], mut visit: impl FnMut(&[Vec<u8>], V) -> bool) {
    c.scan(from, to, |key, raw| visit(&parts_of(key)[1..], parse(raw)));
}

pub(crate) fn parse<V: Value>(raw: &[u8]) -> V {
    V::parse_value(raw).expect("a value of the state cannot be read")
}

fn bytes<V: Value>(v: &V) -> Vec<u8> {
    let mut raw = Vec::with_capacity(32);
    v.append_value(&mut raw);
    raw
}

impl Context {
    /// Reads a message from the state.
    pub fn load<M: Message>(&self, key: &[u8]) -> Option<M> {
        self.get(key).map(|raw| decode(&raw).expect("a record cannot be read"))
    }

    /// Writes a message to the state.
    pub fn save<M: Message>(&mut self, key: &[u8], m: &mut M) {
        let raw = encode(m);
        self.put(key, &raw);
    }
}
