//! What the methods take and return, and what is kept and told.

use concordat::{event, message, Amount, Party};

message! {
    /// The record about the contract.
    pub struct Settings { 1 => inspectorate: String }
}
message! {
    /// A quantity of goods that is handled as one.
    pub struct Lot {
        1 => id: String,
        /// Counts all lots; a lot's parents have lower ones
        2 => number: u64,
        3 => product: String,
        /// In units
        4 => quantity: u64,
        5 => unit: String,
        /// Who made it of nothing, or by merging
        6 => producer: Party,
        7 => holder: Party,
        8 => created: i64,
        /// The lots that it was split from or merged of
        #[optional]
        9 => parents: Vec<String>,
        /// What was made of it; then it is gone
        #[optional]
        10 => children: Vec<String>,
        /// Why an inspector holds it back
        #[optional]
        11 => quarantined: String,
        /// The lot whose recall it belongs to
        #[optional]
        12 => recalled: String,
        /// How many there have been
        #[optional]
        13 => offers: u64,
        #[optional]
        14 => offered_to: Party,
        /// When the offer ends
        #[optional]
        15 => offer_until: i64,
    }
}
message! {
    /// What a holder measured.
    pub struct Measurement {
        1 => time: i64,
        2 => by: Party,
        /// Such as temperature
        3 => kind: String,
        4 => value: i64,
        /// Such as millidegree
        5 => unit: String,
    }
}
message! {
    /// One change of hands.
    pub struct Handover {
        1 => time: i64,
        2 => from: Party,
        3 => to: Party,
        /// Which of the lot's offers it was
        4 => offer: u64,
    }
}
message! {
    /// The commercial side of an offer; only the two parties may read them.
    pub struct Terms {
        1 => from: Party,
        2 => to: Party,
        #[optional]
        3 => hash: [u8; 32],
        #[optional]
        4 => sealed: Vec<u8>,
    }
}
message! {
    /// How far a recall has come.
    pub struct RecallOf {
        1 => by: Party,
        2 => time: i64,
        3 => reason: String,
        /// How many lots
        4 => marked: u64,
        #[optional]
        5 => done: bool,
    }
}
message! {
    /// The record of the last number that was given.
    pub struct Counter { 1 => last: u64 }
}
message! {
    pub struct InitIn {
        /// Name of an organisation
        #[optional]
        1 => inspectorate: String,
    }
}
message! {
    pub struct CreateIn {
        /// A new name, 1 to 64 bytes
        1 => id: String,
        2 => product: String,
        3 => quantity: u64,
        4 => unit: String,
    }
}
message! {
    pub struct Part {
        /// A new name, 1 to 64 bytes
        1 => id: String,
        2 => quantity: u64,
    }
}
message! {
    pub struct SplitIn {
        1 => id: String,
        /// 2 to 10; their quantities make the lot's
        2 => parts: Vec<Part>,
    }
}
message! {
    pub struct MergeIn {
        /// 2 to 10 lots of one product and unit
        1 => ids: Vec<String>,
        /// A new name, 1 to 64 bytes
        2 => id: String,
    }
}
message! {
    pub struct MeasureIn {
        1 => id: String,
        /// Such as temperature
        2 => kind: String,
        3 => value: i64,
        /// Such as millidegree
        4 => unit: String,
    }
}
message! {
    pub struct OfferIn {
        1 => id: String,
        2 => to: Party,
        /// When the offer ends
        3 => until: i64,
        /// Of the terms, as query terms_hash tells it
        #[optional]
        4 => hash: [u8; 32],
        /// The terms, encrypted for the other party
        #[optional]
        5 => sealed: Vec<u8>,
    }
}
message! {
    pub struct AcceptIn {
        1 => id: String,
        /// Of the terms that are accepted
        #[optional]
        2 => hash: [u8; 32],
    }
}
message! { pub struct IdIn { 1 => id: String } }
message! { pub struct ReasonIn { 1 => id: String, 2 => reason: String } }
message! {
    pub struct RecallOut {
        /// How many lots up to now
        1 => marked: u64,
        /// Otherwise call continue_recall
        2 => done: bool,
    }
}
message! {
    pub struct PageIn {
        1 => id: String,
        /// Where to begin, counted from 0
        #[optional]
        2 => first: u64,
    }
}
message! {
    pub struct MeasurementsOut {
        1 => measurements: Vec<Measurement>,
        /// Where the next page begins; 0: there is none
        2 => next: u64,
    }
}
message! {
    pub struct HandoversOut {
        1 => handovers: Vec<Handover>,
        /// Where the next page begins; 0: there is none
        2 => next: u64,
    }
}
message! {
    pub struct TraceIn {
        /// A lot, or what the last page left
        1 => ids: Vec<String>,
    }
}
message! {
    pub struct TraceOut {
        /// The newest first
        1 => lots: Vec<Lot>,
        /// What the next page begins with
        2 => rest: Vec<String>,
    }
}
message! {
    pub struct TermsHashIn {
        1 => price: Amount,
        2 => currency: String,
        /// 32 random bytes
        3 => salt: [u8; 32],
    }
}
message! { pub struct TermsHashOut { 1 => hash: [u8; 32] } }
event! {
    /// A lot was created, or came of splitting or merging others.
    "made" => pub struct Made {
        1 => id: String,
        2 => product: String,
        3 => quantity: u64,
        #[optional]
        4 => parents: Vec<String>,
    }
}
event! {
    /// A lot is offered. For the two parties only.
    "offered" => pub struct Offered { 1 => id: String, 2 => from: Party, 3 => to: Party, 4 => offer: u64 }
}
event! {
    /// A lot has a new holder.
    "handed_over" => pub struct HandedOver { 1 => id: String, 2 => from: Party, 3 => to: Party }
}
event! {
    /// An inspector holds a lot back, or lets it go.
    "inspected" => pub struct Inspected { 1 => id: String, 2 => quarantined: bool, 3 => reason: String }
}
event! {
    /// A lot belongs to a recall.
    "recalled" => pub struct Recalled {
        1 => id: String,
        /// The lot that the recall began with
        2 => of: String,
    }
}
