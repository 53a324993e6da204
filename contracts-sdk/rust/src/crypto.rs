//! The ledger's cryptography. Inputs have one layout each; the numbers of operations
//! are part of the interface.

use std::convert::TryInto;

use crate::fields::{decode, Field, Fields, Message};
use crate::{host, Context};

const SHA256: u32 = 1;
const RANDOM: u32 = 2;
const SHA512: u32 = 3;
const KECCAK256: u32 = 4;
const BLAKE3: u32 = 5;
const ED25519: u32 = 6;
const P256: u32 = 7;
const SECP256K1: u32 = 8;
const SECP256K1_RECOVER: u32 = 9;
const BLS: u32 = 10;
const BLS_AGGREGATE: u32 = 11;
const MERKLE: u32 = 12;
const RECEIPT: u32 = 13;

fn hash<const N: usize>(op: u32, b: &[u8]) -> [u8; N] {
    let out = host::crypto(op, b).expect("a hash has an answer");
    out[..].try_into().expect("a hash has its length")
}

fn holds(op: u32, parts: &[&[u8]]) -> bool {
    host::crypto(op, &parts.concat()).is_some()
}

/// What a receipt proves: how a transaction ended.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub height: u64,
    pub time: i64,
    pub index: u64,
    pub transaction: Vec<u8>,
    /// 0: it was executed.
    pub status: u64,
    pub code: u64,
    pub output: Vec<u8>,
}

impl Message for Receipt {
    fn fields(&mut self, f: &mut Fields<'_>) {
        self.height.field(1, f);
        self.time.field(2, f);
        self.index.field(3, f);
        self.transaction.field(4, f);
        self.status.field(5, f);
        self.code.field(6, f);
        self.output.field(7, f);
    }
}

impl Context {
    /// The SHA-256 of b.
    pub fn sha256(&self, b: &[u8]) -> [u8; 32] {
        hash(SHA256, b)
    }

    /// The SHA-512 of b.
    pub fn sha512(&self, b: &[u8]) -> [u8; 64] {
        hash(SHA512, b)
    }

    /// Ethereum's hash of b.
    pub fn keccak256(&self, b: &[u8]) -> [u8; 32] {
        hash(KECCAK256, b)
    }

    /// The BLAKE3 of b.
    pub fn blake3(&self, b: &[u8]) -> [u8; 32] {
        hash(BLAKE3, b)
    }

    /// 32 bytes that differ from call to call of it, from transaction to transaction and
    /// from contract to contract. Everyone can compute them, before the transaction is
    /// executed too: they are never a secret, and no lot that anyone should trust.
    pub fn deterministic_random(&self) -> [u8; 32] {
        hash(RANDOM, &[])
    }

    /// Verifies a signature by the rule ZIP-215.
    pub fn verify_ed25519(&self, key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        holds(ED25519, &[key, signature, message])
    }

    /// Verifies an ECDSA signature, r and s, of a digest under a key on P-256, in 33 or
    /// 65 bytes.
    pub fn verify_p256(&self, key: &[u8], digest: &[u8; 32], signature: &[u8; 64]) -> bool {
        holds(P256, &[digest, signature, key])
    }

    /// The same on secp256k1. An s above half of the order is refused.
    pub fn verify_secp256k1(&self, key: &[u8], digest: &[u8; 32], signature: &[u8; 64]) -> bool {
        holds(SECP256K1, &[digest, signature, key])
    }

    /// The key, in 65 bytes, that made a signature; id is from 0 to 3. An s above half of
    /// the order is refused.
    pub fn recover_secp256k1(&self, digest: &[u8; 32], signature: &[u8; 64], id: u8) -> Option<Vec<u8>> {
        host::crypto(SECP256K1_RECOVER, &[&digest[..], signature, &[id]].concat())
    }

    /// Verifies a BLS12-381 signature (48 bytes) under a key (96 bytes).
    pub fn verify_bls(&self, key: &[u8; 96], message: &[u8], signature: &[u8; 48]) -> bool {
        holds(BLS, &[key, signature, message])
    }

    /// Verifies the sum of the signatures of 1 to 64 messages, each behind its key. The
    /// messages must differ from each other.
    pub fn verify_bls_aggregate(&self, list: &[(&[u8; 96], &[u8])], signature: &[u8; 48]) -> bool {
        if list.len() > 64 || list.iter().any(|(_, m)| m.len() > 0xffff) {
            return false;
        }
        let mut b = signature.to_vec();
        b.extend_from_slice(&(list.len() as u16).to_le_bytes());
        for (key, message) in list {
            b.extend_from_slice(&key[..]);
            b.extend_from_slice(&(message.len() as u16).to_le_bytes());
            b.extend_from_slice(message);
        }
        host::crypto(BLS_AGGREGATE, &b).is_some()
    }

    /// Verifies that a leaf stands at index of an RFC 6962 tree of that size and root.
    pub fn verify_inclusion(&self, root: &[u8; 32], index: u64, size: u64, leaf: &[u8], path: &[[u8; 32]]) -> bool {
        if path.len() > 64 {
            return false;
        }
        let mut b = root.to_vec();
        b.extend_from_slice(&index.to_le_bytes());
        b.extend_from_slice(&size.to_le_bytes());
        b.push(path.len() as u8);
        for hash in path {
            b.extend_from_slice(hash);
        }
        b.extend_from_slice(leaf);
        host::crypto(MERKLE, &b).is_some()
    }

    /// Verifies a receipt of the ledger with that id and key, which the contract must
    /// know, and reads it.
    pub fn verify_receipt(&self, ledger: &[u8; 32], key: &[u8; 96], receipt: &[u8]) -> Option<Receipt> {
        host::crypto(RECEIPT, &[&ledger[..], key, receipt].concat()).and_then(|out| decode(&out).ok())
    }
}
