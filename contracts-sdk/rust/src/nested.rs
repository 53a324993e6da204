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
