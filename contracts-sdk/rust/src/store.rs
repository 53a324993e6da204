//! Typed parts of the state.

use std::marker::PhantomData;

use crate::fields::{decode, encode, Message};
use crate::{Amount, Context};

/// Joins parts so that different parts never give the same key: each follows its
/// length. All keys of one first part stand together, for scans.
pub fn key(parts: &[&str]) -> Vec<u8> {
    let mut b = Vec::with_capacity(64);
    for p in parts {
        assert!(p.len() <= 255, "a part of a key is longer than 255 bytes");
        b.push(p.len() as u8);
        b.extend_from_slice(p.as_bytes());
    }
    b
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
        b.extend_from_slice(&key(parts));
        b
    }

    /// Reads the value at a key.
    pub fn get(&self, c: &Context, parts: &[&str]) -> V {
        match c.get(&self.key(parts)) {
            None => V::default(),
            Some(raw) => V::parse_value(&raw).expect("a value of the state cannot be read"),
        }
    }

    /// Writes the value at a key; one whose bytes are empty, as an amount of zero, is
    /// deleted.
    pub fn put(&self, c: &mut Context, v: &V, parts: &[&str]) {
        let mut raw = Vec::with_capacity(32);
        v.append_value(&mut raw);
        let key = self.key(parts);
        if raw.is_empty() {
            c.delete(&key);
        } else {
            c.put(&key, &raw);
        }
    }
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
