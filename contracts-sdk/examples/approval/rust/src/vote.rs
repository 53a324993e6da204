//! Votes, and what they bring about.

use concordat::{Context, Error, Nothing, Raw, Stored};

use super::messages::*;
use super::*;

const PAGE: usize = 20;

pub fn approve(c: &mut Context, m: ProposalIn) -> Done {
    let p = cast(c, &m.proposal, true)?;
    if p.state != EXECUTED {
        return Ok(Nothing);
    }
    // The votes of others were not read, so what is called may write for everyone.
    match c.call::<Raw, Raw>(&p.contract, &p.method, Raw(p.arguments)) {
        Ok(_) => Ok(Nothing),
        Err(e) => refuse(ACTION, format!("{}.{} refuses: {}", p.contract, p.method, e.message)),
    }
}

pub fn reject(c: &mut Context, m: ProposalIn) -> Done {
    cast(c, &m.proposal, false).map(|_| Nothing)
}

/// A proposal on which the caller may vote, with the group and as whom.
fn votable(c: &Context, name: &str) -> Result<(Group, String, Proposal), Error> {
    let (g, member) = begin(c)?;
    let p = match PROPOSALS.find(c, &[name]) {
        None => return refuse(NOT_FOUND, format!("there is no proposal {}", name)),
        Some(Stored(p)) => p,
    };
    if p.state != PENDING {
        return refuse(DECIDED, format!("proposal {} is {}", name, p.state));
    }
    if c.time >= p.expires {
        return refuse(EXPIRED, format!("the time of proposal {} is over; propose it again", name));
    }
    Ok((g, member, p))
}

/// Records a vote and counts it. Public is how many voted; who did is the group's.
fn cast(c: &mut Context, name: &str, approve: bool) -> Result<Proposal, Error> {
    let (g, member, mut p) = votable(c, name)?;
    // A vote that is there has now been read, so only the code of this error is public.
    if VOTES.find(c, &[name, &member]).is_some() {
        return refuse(VOTED, format!("{} has voted already; withdraw that first", member));
    }
    let vote = Vote { by: c.caller.clone(), approve, time: c.time };
    VOTES.put_for(c, &audience(&g), &Stored(vote), &[name, &member]);
    let action = if approve {
        p.approvals += 1;
        "approve"
    } else {
        p.rejections += 1;
        "reject"
    };
    tell(c, &g, name, member, action);
    if p.approvals >= g.threshold {
        p.state = if p.contract.is_empty() { ACCEPTED } else { EXECUTED }.into();
    } else if p.rejections as usize + g.threshold as usize > g.members.len() {
        p.state = REJECTED.into();
    }
    PROPOSALS.put(c, &Stored(p.clone()), &[name]);
    changed(name, &p).emit(c);
    Ok(p)
}

/// Tells the group of a vote.
fn tell(c: &mut Context, g: &Group, name: &str, member: String, action: &str) {
    let told = Voted { proposal: name.into(), member, by: c.caller.clone(), action: action.into() };
    c.emit_for(&audience(g), "voted", told);
}

pub fn withdraw(c: &mut Context, m: ProposalIn) -> Done {
    let (g, member, mut p) = votable(c, &m.proposal)?;
    let before = match VOTES.find(c, &[&m.proposal, &member]) {
        None => return refuse(NOT_VOTED, format!("{} has not voted on proposal {}", member, m.proposal)),
        Some(Stored(vote)) => vote,
    };
    VOTES.delete(c, &[&m.proposal, &member]);
    tell(c, &g, &m.proposal, member, "withdraw");
    if before.approve {
        p.approvals -= 1;
    } else {
        p.rejections -= 1;
    }
    // Declassified: what the vote was goes into the counts, which are public for every
    // vote; whose it was does not.
    let told = changed(&m.proposal, &p);
    PROPOSALS.put_declassified(c, &[], &Stored(p), &[&m.proposal]);
    c.emit_declassified(&[], "changed", told);
    Ok(Nothing)
}

pub fn get(c: &mut Context, m: ProposalIn) -> Result<Proposal, Error> {
    let mut p = match PROPOSALS.find(c, &[&m.proposal]) {
        None => return refuse(NOT_FOUND, format!("there is no proposal {}", m.proposal)),
        Some(Stored(p)) => p,
    };
    if p.state == PENDING && c.time >= p.expires {
        p.state = OVER.into();
    }
    Ok(p)
}

pub fn members(c: &mut Context, _: Nothing) -> Result<Group, Error> {
    the_group(c)
}

pub fn list(c: &mut Context, m: ListIn) -> Result<ListOut, Error> {
    if m.after.len() > NAME_BYTES_MAX {
        return refuse(BAD_ARGUMENT, "after is the name of a proposal, of at most 64 bytes");
    }
    let mut out = ListOut::default();
    PROPOSALS.scan_after(c, &[m.after.into_bytes()], &[], |key, _| {
        out.more = out.proposals.len() == PAGE;
        if !out.more {
            out.proposals.push(String::from_utf8_lossy(&key[0]).into_owned());
        }
        !out.more
    });
    Ok(out)
}
