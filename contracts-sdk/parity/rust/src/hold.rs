//! What was read stays as it is.

use concordat::Context;

use crate::Script;

/// Reads more than the SDK has room for at hand, in pieces of very different sizes, and
/// tells whether each is still what it was when all are read, and others hashed, written
/// and told meanwhile.
pub fn hold(c: &mut Context) -> String {
    let key = |i: usize| format!("hold{}", i).into_bytes();
    let value = |i: usize| vec![i as u8; i * i * 7 % 5000 + 1];
    for i in 0..60 {
        c.put(&key(i), &value(i));
    }
    let mut held = Vec::new();
    for i in 0..60 {
        let v = c.get(&key(i)).unwrap_or_default();
        let sum = c.sha256(&v);
        held.push(v);
        c.put(&key(i), &sum);
        if i % 20 == 0 {
            c.emit("held", Script { text: i.to_string() });
        }
    }
    for (i, v) in held.iter().enumerate() {
        if *v != value(i) {
            return format!("lost{}", i);
        }
        c.delete(&key(i));
    }
    "held".into()
}
