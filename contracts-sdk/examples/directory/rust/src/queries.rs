//! What everyone may ask.

use concordat::{Context, Error, Stored};

use crate::entries::{digits, fingerprint, load};
use crate::messages::*;
use crate::{CHANGES, ENTRIES, NOT_FOUND, PLACES};

/// What one query looks at, so that its work is bounded however much there is.
const PAGE_MAX: u64 = 50;

pub fn lookup(c: &mut Context, m: LookupIn) -> Result<LookupOut, Error> {
    let at = if m.at == 0 { c.time } else { m.at };
    let mut out = LookupOut::default();
    let mut looked = 0;
    let before = digits(m.first.max(1) - 1);
    let last = [m.owner.clone().into_bytes(), m.purpose.clone().into_bytes(), before.into_bytes()];
    ENTRIES.scan_after(c, &last, &[&m.owner, &m.purpose], |_, Stored(one)| {
        looked += 1;
        if looked > PAGE_MAX {
            out.next = one.number;
            return false;
        }
        if one.from <= at && at < one.until {
            out.keys.push(one);
        }
        true
    });
    Ok(out)
}

pub fn find(c: &mut Context, m: FindIn) -> Result<FindOut, Error> {
    let Stored(p) = PLACES
        .find(c, &[&fingerprint(c, &m.key)])
        .ok_or_else(|| Error::new(NOT_FOUND, "nobody published this key"))?;
    let entry = load(c, &p.owner, &p.purpose, p.number)?;
    let valid = entry.from <= c.time && c.time < entry.until;
    Ok(FindOut { owner: p.owner, purpose: p.purpose, entry, valid })
}

pub fn history(c: &mut Context, m: HistoryIn) -> Result<HistoryOut, Error> {
    let mut out = HistoryOut::default();
    let end = m.first.min(1 << 62) + PAGE_MAX;
    CHANGES.scan(c, m.first, end, &[&m.owner], |_, Stored(one)| {
        out.changes.push(one);
        true
    });
    if CHANGES.count(c, &[&m.owner]) > end {
        out.next = end;
    }
    Ok(out)
}
