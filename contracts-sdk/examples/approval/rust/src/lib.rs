//! Decisions of several: what m of n members approve is done once, by the contract as a
//! party of its own, and who approved is told to the members alone.

use concordat::{key, Context, Error, Map, Nothing, Single, Stored};

mod messages;
mod vote;
use messages::*;
use vote::*;

concordat::errors! {
    /// The contract was deployed without init.
    NOT_INITIALISED = 1,
    /// Neither the caller nor its organisation is a member of the group.
    NOT_A_MEMBER = 2,
    /// No proposal has that name.
    NOT_FOUND = 3,
    /// A proposal with that name is there already.
    EXISTS = 4,
    /// The proposal is decided.
    DECIDED = 5,
    /// The time of the proposal is over.
    EXPIRED = 6,
    /// The member has voted already.
    VOTED = 7,
    /// The member has not voted.
    NOT_VOTED = 8,
    /// What was approved cannot be done; the words of the called contract follow.
    ACTION = 9,
    /// An argument is missing, too long or makes no sense.
    BAD_ARGUMENT = 10,
}

concordat::contract! {
    /// Decisions of several: what m of n members approve is done once, by the contract as a
    /// party of its own, and who approved is told to the members alone.
    contract "approval";
    /// Runs at deployment and names the group. It stays as it is: who gives this contract
    /// something trusts this group.
    "init" => init,
    /// Puts something to the vote: a call of a contract, which is done when enough have
    /// approved, or a document, or both. Only members may.
    "propose" => propose,
    /// Counts the caller's member for a proposal, and does what was approved when enough
    /// have, as this contract: nobody lends their name to it. If that cannot be done, all
    /// stays as it was, this approval included.
    "approve" => approve,
    /// Counts the caller's member against a proposal, which ends when the threshold cannot
    /// be reached any more.
    "reject" => reject,
    /// Takes back what the caller's member voted, while nothing is decided.
    "withdraw" => withdraw,
    /// Tells about a proposal and how it stands.
    query "get" => get,
    /// Tells who decides.
    query "members" => members,
    /// Tells the names of the proposals, page by page.
    query "list" => list,
}

// Limits, in bytes and entries.
const MEMBERS_MAX: usize = 64; // as many as an audience has
const NAME_BYTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 256;
const ARGUMENTS_BYTES_MAX: usize = 32 << 10;

// The states of a proposal.
const PENDING: &str = "pending";
const EXECUTED: &str = "executed";
const ACCEPTED: &str = "approved";
const REJECTED: &str = "rejected";
const OVER: &str = "expired";

// The state: the group, the proposals, and the votes by proposal and member.
static GROUP: Single<Stored<Group>> = Single::new("group");
static PROPOSALS: Map<Stored<Proposal>> = Map::new("proposal");
static VOTES: Map<Stored<Vote>> = Map::new("vote");

type Done = Result<Nothing, Error>;

fn refuse<T>(code: u32, message: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(code, message))
}

fn init(c: &mut Context, m: Group) -> Done {
    if m.members.windows(2).any(|two| two[0] >= two[1]) {
        return refuse(BAD_ARGUMENT, "give each member once, in ascending order");
    }
    if m.members.len() > MEMBERS_MAX || m.threshold == 0 || m.threshold as usize > m.members.len() {
        return refuse(BAD_ARGUMENT, "give 1 to 64 members, and a threshold from 1 to their number");
    }
    // The members will be an audience. When a name is none, deployment fails here rather
    // than the first vote.
    let probe = key(&["probe"]);
    c.put_for(&audience(&m), &probe, &probe);
    c.delete(&probe);
    GROUP.put(c, &Stored(m));
    Ok(Nothing)
}

fn audience(g: &Group) -> Vec<&str> {
    g.members.iter().map(String::as_str).collect()
}

/// What a member's methods need: the group, and as whom in it the caller votes, who may be
/// named as a party or contract, or belong to an organisation that is.
fn begin(c: &Context) -> Result<(Group, String), Error> {
    let g = the_group(c)?;
    for name in [c.caller.clone(), format!("org:{}", c.organisation)] {
        if g.members.contains(&name) {
            return Ok((g, name));
        }
    }
    refuse(NOT_A_MEMBER, format!("neither {} nor its organisation is a member of the group", c.caller))
}

fn the_group(c: &Context) -> Result<Group, Error> {
    match GROUP.find(c) {
        Some(Stored(g)) => Ok(g),
        None => refuse(NOT_INITIALISED, "there is no group; deploy the contract with init"),
    }
}

fn propose(c: &mut Context, m: ProposeIn) -> Done {
    begin(c)?;
    check(c, &m)?;
    if PROPOSALS.find(c, &[&m.proposal]).is_some() {
        return refuse(EXISTS, format!("there is a proposal {} already; choose another name", m.proposal));
    }
    let p = Proposal {
        title: m.title,
        by: c.caller.clone(),
        contract: m.contract,
        method: m.method,
        arguments: m.arguments,
        document: m.document,
        expires: m.expires,
        state: PENDING.into(),
        ..Proposal::default()
    };
    let told = changed(&m.proposal, &p);
    PROPOSALS.put(c, &Stored(p), &[&m.proposal]);
    told.emit(c);
    Ok(Nothing)
}

fn check(c: &Context, m: &ProposeIn) -> Result<(), Error> {
    let named = !m.proposal.is_empty() && m.proposal.len() <= NAME_BYTES_MAX;
    if !named || m.title.is_empty() || m.title.len() > TEXT_BYTES_MAX {
        return refuse(BAD_ARGUMENT, "give a name of 1 to 64 bytes and a title of 1 to 256");
    }
    if m.expires <= c.time {
        return refuse(BAD_ARGUMENT, "give a time to come at which the proposal expires");
    }
    if m.contract == c.this {
        return refuse(BAD_ARGUMENT, "this contract cannot be called by itself");
    }
    let calls = !m.contract.is_empty();
    if calls == m.method.is_empty() || !calls && !m.arguments.is_empty() {
        return refuse(BAD_ARGUMENT, "name a contract and its method, or neither");
    }
    if !calls && m.document == [0; 32] {
        return refuse(BAD_ARGUMENT, "give what is to be approved: a call, or a document's hash");
    }
    let long = m.contract.len().max(m.method.len()) > TEXT_BYTES_MAX;
    if long || m.arguments.len() > ARGUMENTS_BYTES_MAX {
        return refuse(BAD_ARGUMENT, "the call is too long; its arguments have at most 32 KiB");
    }
    Ok(())
}

fn changed(name: &str, p: &Proposal) -> Changed {
    Changed { proposal: name.into(), state: p.state.clone(), approvals: p.approvals, rejections: p.rejections }
}
