//! What holds a lot back.

use std::collections::VecDeque;

use concordat::{Context, Error, Nothing, Stored};

use crate::lots::{load, save};
use crate::messages::*;
use crate::{ABOUT, BAD_STATE, BAD_TEXT, NOT_ALLOWED, NOT_FOUND, NOT_INITIALISED, PENDING, REASON_BYTES_MAX, RECALLS};

/// How many lots one call looks at. Each has at most 10 children that may have to wait
/// for the next call, so it stays far below the ledger's limit of writes.
const MARKED_MAX: usize = 16;

pub fn quarantine(c: &mut Context, m: ReasonIn) -> Result<Nothing, Error> {
    let mut one = inspectable(c, &m)?;
    if !one.quarantined.is_empty() {
        return Err(Error::new(BAD_STATE, format!("{} is in quarantine already", one.id)));
    }
    one.quarantined = m.reason.clone();
    save(c, &one);
    Inspected { id: one.id, quarantined: true, reason: m.reason }.emit(c);
    Ok(Nothing)
}

pub fn release(c: &mut Context, m: ReasonIn) -> Result<Nothing, Error> {
    let mut one = inspectable(c, &m)?;
    if one.quarantined.is_empty() {
        return Err(Error::new(BAD_STATE, format!("{} is not in quarantine", one.id)));
    }
    one.quarantined.clear();
    save(c, &one);
    Inspected { id: one.id, quarantined: false, reason: m.reason }.emit(c);
    Ok(Nothing)
}

fn inspectable(c: &Context, m: &ReasonIn) -> Result<Lot, Error> {
    inspects(c)?;
    reasoned(c, m)
}

/// An error unless the inspectorate vouches that the caller is an inspector. Any
/// organisation may say so of its own parties, so the attribute alone is nothing.
fn inspects(c: &Context) -> Result<(), Error> {
    let Stored(s) = ABOUT
        .find(c)
        .ok_or_else(|| Error::new(NOT_INITIALISED, "the contract is not initialised; deploy it with init"))?;
    c.require_organisation(&s.inspectorate)?;
    c.require_attribute("role", "inspector")
}

fn reasoned(c: &Context, m: &ReasonIn) -> Result<Lot, Error> {
    if m.reason.is_empty() || m.reason.len() > REASON_BYTES_MAX {
        return Err(Error::new(BAD_TEXT, "give a reason of at most 200 bytes"));
    }
    load(c, &m.id)
}

pub fn recall(c: &mut Context, m: ReasonIn) -> Result<RecallOut, Error> {
    let one = reasoned(c, &m)?;
    if c.caller != one.producer && inspects(c).is_err() {
        let text = format!("only {} or an inspector recalls {}", one.producer, one.id);
        return Err(Error::new(NOT_ALLOWED, text));
    }
    if !one.recalled.is_empty() {
        return Err(Error::new(BAD_STATE, format!("{} is recalled with {}", one.id, one.recalled)));
    }
    PENDING.add(c, &one.id, &one.id);
    let r = RecallOf { by: c.caller.clone(), time: c.time, reason: m.reason, marked: 0, done: false };
    advance(c, &one.id, r)
}

pub fn continue_recall(c: &mut Context, m: IdIn) -> Result<RecallOut, Error> {
    let r = recall_status(c, m.clone())?;
    if r.done {
        return Err(Error::new(BAD_STATE, format!("the recall of {} is done", m.id)));
    }
    advance(c, &m.id, r)
}

/// Marks the next lots of a recall. A lot that is reached a second time, or by another
/// recall, is not followed again, so it comes to an end.
fn advance(c: &mut Context, root: &str, mut r: RecallOf) -> Result<RecallOut, Error> {
    let mut queue = waiting(c, root);
    for _ in 0..MARKED_MAX {
        let id = match queue.pop_front() {
            Some(id) => id,
            None => break,
        };
        PENDING.remove(c, root, &id);
        let mut one = load(c, &id)?;
        if !one.recalled.is_empty() {
            continue;
        }
        one.recalled = root.into();
        save(c, &one);
        r.marked += 1;
        Recalled { id, of: root.into() }.emit(c);
        queue.extend(one.children);
    }
    for id in queue {
        PENDING.add(c, root, &id);
    }
    r.done = waiting(c, root).is_empty();
    let out = RecallOut { marked: r.marked, done: r.done };
    RECALLS.put(c, &Stored(r), &[root]);
    Ok(out)
}

/// Lots that a recall has yet to reach, as many as one call looks at.
fn waiting(c: &Context, root: &str) -> VecDeque<String> {
    let mut ids = VecDeque::new();
    PENDING.scan(c, root, |id| {
        ids.push_back(id.to_owned());
        ids.len() < MARKED_MAX
    });
    ids
}

pub fn recall_status(c: &mut Context, m: IdIn) -> Result<RecallOf, Error> {
    match RECALLS.find(c, &[&m.id]) {
        Some(Stored(r)) => Ok(r),
        None => Err(Error::new(NOT_FOUND, format!("{} is not what a recall began with", m.id))),
    }
}
