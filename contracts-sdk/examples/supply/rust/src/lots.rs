//! Lots in the state, and who may do what with one.

use concordat::{key, Context, Error};

use crate::messages::Lot;
use crate::{BLOCKED, GONE, NOT_FOUND, NOT_THE_HOLDER, OFFERED};

const TEXT_BYTES_MAX: usize = 64;

pub fn load(c: &Context, id: &str) -> Result<Lot, Error> {
    c.load(&lot_key(id)).ok_or_else(|| Error::new(NOT_FOUND, format!("there is no lot {}", id)))
}

pub fn save(c: &mut Context, one: &Lot) {
    c.save(&lot_key(&one.id), &mut one.clone());
}

pub fn lot_key(id: &str) -> Vec<u8> {
    key(&["lot", id])
}

/// A lot that is there and that the caller holds.
pub fn held(c: &Context, id: &str) -> Result<Lot, Error> {
    let one = load(c, id)?;
    if one.holder != c.caller {
        return Err(Error::new(NOT_THE_HOLDER, format!("only {} holds {}", one.holder, id)));
    }
    if !one.children.is_empty() {
        return Err(Error::new(GONE, format!("{} was split or merged", id)));
    }
    Ok(one)
}

pub fn movable(one: &Lot) -> Result<(), Error> {
    if !one.recalled.is_empty() {
        return Err(Error::new(BLOCKED, format!("{} is recalled with {}", one.id, one.recalled)));
    }
    if !one.quarantined.is_empty() {
        return Err(Error::new(BLOCKED, format!("{} is in quarantine: {}", one.id, one.quarantined)));
    }
    Ok(())
}

/// A lot of which the caller may dispose. An offer that ended binds nobody.
pub fn free(c: &Context, id: &str) -> Result<Lot, Error> {
    let one = held(c, id)?;
    if !one.offered_to.is_empty() && c.time < one.offer_until {
        let text = format!("{} is offered to {}; withdraw that first", id, one.offered_to);
        return Err(Error::new(OFFERED, text));
    }
    movable(&one)?;
    Ok(one)
}

pub fn is_text(s: &str) -> bool {
    !s.is_empty() && s.len() <= TEXT_BYTES_MAX
}

/// Whether p can name one party. An organisation's entry of an audience would show a
/// record to all of its parties.
pub fn is_party(p: &str) -> bool {
    is_text(p) && !p.starts_with("org:")
}

/// A number as a part of a key, in the order of numbers.
pub fn digits(n: u64) -> String {
    format!("{:020}", n)
}
