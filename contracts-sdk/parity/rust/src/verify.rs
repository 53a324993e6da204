use std::convert::TryInto;

use concordat::Context;

/// Asks for one cryptographic operation with inputs in hexadecimal, and says what came
/// of it.
pub fn verify(c: &Context, what: &str, words: &[&str]) -> String {
    let inputs: Vec<Vec<u8>> = words.iter().map(|w| unhex(w)).collect();
    let at = |i: usize| &inputs[i][..];
    match what {
        "hashes" => {
            let (a, b, d, e) = (c.sha256(at(0)), c.sha512(at(0)), c.keccak256(at(0)), c.blake3(at(0)));
            hex(&a[..4]) + &hex(&b[60..]) + &hex(&d[..4]) + &hex(&e[..4])
        }
        "random" => yes(c.deterministic_random() != c.deterministic_random()),
        "ed25519" => yes(c.verify_ed25519(&fixed(at(0)), at(2), &fixed(at(1)))),
        "p256" => yes(c.verify_p256(at(2), &fixed(at(0)), &fixed(at(1)))),
        "secp256k1" => yes(c.verify_secp256k1(at(2), &fixed(at(0)), &fixed(at(1)))),
        "recover" => {
            let key = c.recover_secp256k1(&fixed(at(0)), &fixed(at(1)), at(2)[0]);
            yes(key.is_some()) + &hex(&key.unwrap_or_default())
        }
        "bls" => {
            let (key, signature) = (fixed(at(0)), fixed(at(1)));
            yes(c.verify_bls(&key, at(2), &signature)) + &yes(c.verify_bls_aggregate(&[(&key, at(2))], &signature))
        }
        "inclusion" => yes(c.verify_inclusion(&fixed(at(0)), 1, 2, at(1), &[fixed(at(2))])),
        "receipt" => match c.verify_receipt(&fixed(at(0)), &fixed(at(1)), at(2)) {
            None => yes(false),
            Some(r) => {
                yes(true) + &hex(&[r.height as u8, r.time as u8, r.transaction.len() as u8]) + &hex(&r.output)
            }
        },
        _ => format!("there is no {}", what),
    }
}

fn fixed<const N: usize>(b: &[u8]) -> [u8; N] {
    b.try_into().expect("an input has its length")
}

fn yes(holds: bool) -> String {
    if holds { "yes " } else { "no " }.into()
}

fn hex(b: &[u8]) -> String {
    b.iter().map(|c| format!("{:02x}", c)).collect::<String>() + " "
}

fn unhex(s: &str) -> Vec<u8> {
    (0..s.len() / 2).map(|i| u8::from_str_radix(&s[2 * i..2 * i + 2], 16).unwrap_or(0)).collect()
}
