//! How a deal is paid, and how it ends.

use concordat::{contract_party, Amount, Context, Error, Message, Nothing};

use super::messages::*;
use super::*;

pub fn fund(c: &mut Context, m: DealIn) -> Done {
    let (t, mut d) = part(c, &m.deal, &[OPEN])?;
    by_buyer(c, &m.deal, &d)?;
    enter(c, &m.deal, &mut d, FUNDED);
    let take = TransferFromIn { from: d.buyer, to: contract_party(&c.this), amount: d.price };
    called(c, &t.token, "transfer_from", take, TOKEN, "the token")
}

/// An error unless the buyer calls, before the deadline.
fn by_buyer(c: &Context, name: &str, d: &Deal) -> Result<(), Error> {
    if c.caller != d.buyer {
        return refuse(NOT_YOUR_PART, format!("only {}, the buyer, may do this", d.buyer));
    }
    before(c, name, d)
}

fn before(c: &Context, name: &str, d: &Deal) -> Result<(), Error> {
    if c.time >= d.deadline {
        return refuse(TIME, format!("the deadline of deal {} is over", name));
    }
    Ok(())
}

pub fn settle(c: &mut Context, m: DealIn) -> Done {
    let (t, d) = part(c, &m.deal, &[FUNDED])?;
    by_buyer(c, &m.deal, &d)?;
    exchange(c, &t, &m.deal, d, SETTLED)
}

pub fn decline(c: &mut Context, m: DealIn) -> Done {
    let (t, d) = part(c, &m.deal, &[OPEN, FUNDED])?;
    by_buyer(c, &m.deal, &d)?;
    undo(c, &t, &m.deal, d, DECLINED)
}

pub fn cancel(c: &mut Context, m: DealIn) -> Done {
    let (t, d) = find(c, &m.deal, &[OPEN, FUNDED, DISPUTED])?;
    by_either(c, &d)?;
    if d.state == DISPUTED && c.time < d.until {
        let text = format!("deal {} is disputed; wait for the arbiter, or for the end of the custody", m.deal);
        return refuse(STATE, text);
    }
    if c.time < d.deadline {
        return refuse(TIME, format!("the deadline of deal {} is not over", m.deal));
    }
    undo(c, &t, &m.deal, d, CANCELLED)
}

fn by_either(c: &Context, d: &Deal) -> Result<(), Error> {
    if c.caller != d.seller && c.caller != d.buyer {
        return refuse(NOT_YOUR_PART, "only the seller and the buyer may do this");
    }
    Ok(())
}

pub fn dispute(c: &mut Context, m: DisputeIn) -> Done {
    let (_, mut d) = part(c, &m.deal, &[FUNDED])?;
    by_either(c, &d)?;
    if m.reason.is_empty() || m.reason.len() > TEXT_BYTES_MAX {
        return refuse(BAD_ARGUMENT, "give a reason of 1 to 256 bytes");
    }
    before(c, &m.deal, &d)?;
    d.reason = m.reason;
    enter(c, &m.deal, &mut d, DISPUTED);
    Ok(Nothing)
}

pub fn resolve(c: &mut Context, m: ResolveIn) -> Done {
    let (t, mut d) = part(c, &m.deal, &[DISPUTED])?;
    if c.caller != d.arbiter {
        return refuse(NOT_YOUR_PART, format!("only {}, the arbiter, may do this", d.arbiter));
    }
    if m.to.is_empty() {
        enter(c, &m.deal, &mut d, FUNDED);
        return Ok(Nothing);
    }
    if m.to == d.seller {
        return undo(c, &t, &m.deal, d, RETURNED);
    }
    if m.to == d.buyer {
        return exchange(c, &t, &m.deal, d, AWARDED);
    }
    refuse(BAD_ARGUMENT, "the asset goes to the seller or to the buyer")
}

/// Ends a deal as it was meant. When the register or the token refuses, the call fails,
/// and all of it is undone.
fn exchange(c: &mut Context, t: &Terms, name: &str, mut d: Deal, state: &str) -> Done {
    enter(c, name, &mut d, state);
    pay(c, t, name, d.seller, d.price)?;
    release(c, t, d.asset, d.buyer)
}

/// Ends a deal as if it had never been. Of an asset whose custody is over nothing is
/// released: its owner may have taken it back, and given it into custody for another deal.
fn undo(c: &mut Context, t: &Terms, name: &str, mut d: Deal, state: &str) -> Done {
    let paid = d.state != OPEN;
    enter(c, name, &mut d, state);
    if paid {
        pay(c, t, name, d.buyer, d.price)?;
    }
    if c.time >= d.until {
        return Ok(Nothing);
    }
    release(c, t, d.asset, d.seller)
}

/// Gives units that the escrow holds.
fn pay(c: &mut Context, t: &Terms, name: &str, to: String, amount: Amount) -> Done {
    let memo = format!("deal {}", name).into_bytes();
    called(c, &t.token, "transfer", TransferIn { to, amount, memo }, TOKEN, "the token")
}

fn release(c: &mut Context, t: &Terms, id: String, to: String) -> Done {
    called(c, &t.register, "release", ReleaseIn { id, to }, REGISTER, "the register")
}

/// Calls another contract, as the escrow.
fn called<I: Message>(c: &mut Context, contract: &str, method: &str, m: I, code: u32, who: &str) -> Done {
    c.call(contract, method, m).map_err(|e| Error::new(code, format!("{} refuses: {}", who, e.message)))
}
