//! What everyone may ask.

use concordat::{Context, Error, Stored};

use crate::lots::load;
use crate::messages::*;
use crate::{BAD_LIST, HANDOVERS, MEASUREMENTS};

/// Entries of a history in one answer.
const PAGE_MAX: u64 = 50;
/// Lots in one answer.
const TRACE_MAX: usize = 10;
/// Lots that a trace can have open.
const OPEN_MAX: usize = 500;

pub fn lot(c: &mut Context, m: IdIn) -> Result<Lot, Error> {
    load(c, &m.id)
}

pub fn measurements(c: &mut Context, m: PageIn) -> Result<MeasurementsOut, Error> {
    let mut out = MeasurementsOut::default();
    let end = m.first.min(1 << 62) + PAGE_MAX;
    MEASUREMENTS.scan(c, m.first, end, &[&m.id], |_, Stored(one)| {
        out.measurements.push(one);
        true
    });
    if MEASUREMENTS.count(c, &[&m.id]) > end {
        out.next = end;
    }
    Ok(out)
}

pub fn handovers(c: &mut Context, m: PageIn) -> Result<HandoversOut, Error> {
    let mut out = HandoversOut::default();
    let end = m.first.min(1 << 62) + PAGE_MAX;
    HANDOVERS.scan(c, m.first, end, &[&m.id], |_, Stored(one)| {
        out.handovers.push(one);
        true
    });
    if HANDOVERS.count(c, &[&m.id]) > end {
        out.next = end;
    }
    Ok(out)
}

pub fn trace(c: &mut Context, m: TraceIn) -> Result<TraceOut, Error> {
    if m.ids.is_empty() || m.ids.len() > OPEN_MAX {
        return Err(Error::new(BAD_LIST, "give 1 to 500 lots"));
    }
    let mut open = Vec::new();
    for id in &m.ids {
        open_lot(c, &mut open, id)?;
    }
    let mut out = TraceOut::default();
    // A lot's parents have lower numbers, so whoever takes the highest of the open lots
    // meets each lot once, and needs to remember no other than the open ones.
    while out.lots.len() < TRACE_MAX {
        let newest: Lot = match open.pop() {
            Some(one) => one,
            None => break,
        };
        for id in &newest.parents {
            open_lot(c, &mut open, id)?;
        }
        out.lots.push(newest);
    }
    out.rest = open.into_iter().map(|one| one.id).collect();
    Ok(out)
}

/// Adds a lot to a list in the order of numbers, once.
fn open_lot(c: &Context, open: &mut Vec<Lot>, id: &str) -> Result<(), Error> {
    if open.iter().any(|o| o.id == id) {
        return Ok(());
    }
    let one = load(c, id)?;
    let at = open.partition_point(|o| o.number < one.number);
    open.insert(at, one);
    Ok(())
}
