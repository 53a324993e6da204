//! What is told about deals.

use concordat::{Context, Error, Stored};

use super::messages::*;
use super::*;

const PAGE: usize = 20;

pub fn get(c: &mut Context, m: DealIn) -> Result<Deal, Error> {
    match DEALS.find(c, &[&m.deal]) {
        Some(Stored(d)) => Ok(d),
        None => refuse(NOT_FOUND, format!("there is no deal {}", m.deal)),
    }
}

pub fn deals_of(c: &mut Context, m: ListIn) -> Result<ListOut, Error> {
    if m.after.len() > NAME_BYTES_MAX {
        return refuse(BAD_ARGUMENT, "after is the name of a deal, of at most 64 bytes");
    }
    let mut out = ListOut::default();
    BY_PARTY.scan_after(c, &m.party, &m.after, |name| {
        out.more = out.deals.len() == PAGE;
        if !out.more {
            out.deals.push(name.into());
        }
        !out.more
    });
    Ok(out)
}
