//! Locks, the custody of contracts, and what the register tells.

use concordat::{Context, Error, Stored};

use super::messages::*;
use super::*;

// Entries of an answer.
const PAGE_DEFAULT: u32 = 20;
const PAGE_MAX: u32 = 100;

pub fn lock(c: &mut Context, m: LockIn) -> Done {
    let mut a = lockable(c, &m.id)?;
    texts(&m.reason)?;
    if !a.locked.is_empty() {
        return refuse(LOCKED, format!("asset {} is locked already: {}", m.id, a.locked));
    }
    a.locked = m.reason.clone();
    save(c, &m.id, a);
    note(c, &m.id, "locked", "", &m.reason)
}

pub fn unlock(c: &mut Context, m: IdIn) -> Done {
    let mut a = lockable(c, &m.id)?;
    if a.locked.is_empty() {
        return refuse(NOT_LOCKED, format!("asset {} is not locked", m.id));
    }
    a.locked = String::new();
    save(c, &m.id, a);
    note(c, &m.id, "unlocked", "", "")
}

/// An asset that the registrar who calls may lock and unlock.
fn lockable(c: &Context, id: &str) -> Result<Asset, Error> {
    as_registrar(c)?;
    let a = find(c, id)?;
    if a.retired {
        return refuse(RETIRED, format!("asset {} is retired", id));
    }
    Ok(a)
}

pub fn hold(c: &mut Context, m: HoldIn) -> Done {
    let mut a = owned(c, &m.id)?;
    let named = !m.holder.is_empty() && m.holder != a.owner && m.holder.len() <= TEXT_BYTES_MAX;
    if !named || m.until <= c.time {
        return refuse(BAD_ARGUMENT, "name a holder other than the owner, and a time to come");
    }
    a.holder = m.holder.clone();
    a.held_until = m.until;
    a.offered_to = String::new();
    save(c, &m.id, a);
    note(c, &m.id, "held", &m.holder, "")
}

pub fn release(c: &mut Context, m: ReleaseIn) -> Done {
    let a = movable(c, &m.id)?;
    if a.holder.is_empty() || a.holder != c.caller {
        return refuse(NOT_HELD, format!("only who has asset {} in custody can release it", m.id));
    }
    if m.to.is_empty() {
        return refuse(BAD_ARGUMENT, "name the party that gets the asset");
    }
    if m.to == a.owner {
        return give_back(c, &m.id, a);
    }
    move_to(c, &m.id, a, &m.to)
}

pub fn take_back(c: &mut Context, m: IdIn) -> Done {
    let a = movable(c, &m.id)?;
    by_owner(c, &m.id, &a)?;
    if a.holder.is_empty() || c.time < a.held_until {
        return refuse(NOT_HELD, format!("asset {} is in no custody whose time is over", m.id));
    }
    give_back(c, &m.id, a)
}

fn give_back(c: &mut Context, id: &str, mut a: Asset) -> Done {
    a.holder = String::new();
    a.held_until = 0;
    let owner = a.owner.clone();
    save(c, id, a);
    note(c, id, "given back", &owner, "")
}

pub fn get(c: &mut Context, m: IdIn) -> Result<Asset, Error> {
    find(c, &m.id)
}

pub fn history(c: &mut Context, m: HistoryIn) -> Result<HistoryOut, Error> {
    find(c, &m.id)?;
    let mut out = HistoryOut { count: PAST.count(c, &[&m.id]), entries: Vec::new() };
    if m.first >= out.count {
        return Ok(out);
    }
    let last = m.first + (out.count - m.first).min(u64::from(page(m.limit)));
    PAST.scan(c, m.first, last, &[&m.id], |_, Stored(e)| {
        out.entries.push(e);
        true
    });
    Ok(out)
}

pub fn owned_by(c: &mut Context, m: OwnedIn) -> Result<OwnedOut, Error> {
    if m.after.len() > ID_BYTES_MAX {
        return refuse(BAD_ARGUMENT, "after is an id, of at most 64 bytes");
    }
    let (mut out, limit) = (OwnedOut::default(), page(m.limit) as usize);
    BY_OWNER.scan_after(c, &m.owner, &m.after, |id| {
        out.more = out.assets.len() == limit;
        if !out.more {
            out.assets.push(id.into());
        }
        !out.more
    });
    Ok(out)
}

/// How many entries an answer has at most.
fn page(limit: u32) -> u32 {
    match limit {
        0 => PAGE_DEFAULT,
        n => n.min(PAGE_MAX),
    }
}
