//! How a deal ends without payment, and what is told about it.

use concordat::{Context, Error, Stored};

use super::messages::*;
use super::*;

const PAGE: usize = 20;

pub fn decline(c: &mut Context, m: DealIn) -> Done {
    let t = begin(c)?;
    let d = find(c, &m.deal, OPEN)?;
    only_buyer(c, &d)?;
    let to = d.seller.clone();
    end(c, &t, &m.deal, d, DECLINED, to)
}

pub fn cancel(c: &mut Context, m: DealIn) -> Done {
    let t = begin(c)?;
    let d = find(c, &m.deal, OPEN)?;
    if c.caller != d.seller {
        return refuse(NOT_YOUR_PART, format!("only {}, the seller, may do this", d.seller));
    }
    if c.time < d.deadline {
        return refuse(TIME, format!("the deadline of deal {} is not over", m.deal));
    }
    let to = d.seller.clone();
    end(c, &t, &m.deal, d, CANCELLED, to)
}

pub fn dispute(c: &mut Context, m: DisputeIn) -> Done {
    begin(c)?;
    let mut d = find(c, &m.deal, OPEN)?;
    if c.caller != d.seller && c.caller != d.buyer {
        return refuse(NOT_YOUR_PART, "only the seller and the buyer may do this");
    }
    if c.time >= d.deadline {
        return refuse(TIME, format!("the deadline of deal {} is over", m.deal));
    }
    if m.reason.is_empty() || m.reason.len() > TEXT_BYTES_MAX {
        return refuse(BAD_ARGUMENT, "give a reason of 1 to 256 bytes");
    }
    d.reason = m.reason;
    enter(c, &m.deal, d, DISPUTED);
    Ok(Nothing)
}

pub fn resolve(c: &mut Context, m: ResolveIn) -> Done {
    let t = begin(c)?;
    let d = find(c, &m.deal, DISPUTED)?;
    if c.caller != d.arbiter {
        return refuse(NOT_YOUR_PART, format!("only {}, the arbiter, may do this", d.arbiter));
    }
    if m.to.is_empty() {
        enter(c, &m.deal, d, OPEN);
        return Ok(Nothing);
    }
    if m.to == d.seller {
        return end(c, &t, &m.deal, d, RETURNED, m.to);
    }
    if m.to == d.buyer {
        return end(c, &t, &m.deal, d, AWARDED, m.to);
    }
    refuse(BAD_ARGUMENT, "the asset goes to the seller or to the buyer")
}

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
