//! SHA-256 for the ledger in memory; a real ledger offers its own, and the crate has
//! no dependencies.

/// The first 32 bits of the fractional parts of a root of the first 64 primes, as
/// FIPS 180-4 defines its constants; computed, so that none can be mistyped.
fn constants(square: bool) -> Vec<u32> {
    let primes = (2u128..).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0));
    let shift = if square { 64 } else { 96 };
    let at_most = |r: u128, n: u128| if square { r * r <= n } else { r * r * r <= n };
    primes
        .take(64)
        .map(|p| {
            let scaled = p << shift; // its root has 32 bits behind the point
            let mut root = 0u128;
            for bit in (0..37).rev() {
                if at_most(root | 1 << bit, scaled) {
                    root |= 1 << bit;
                }
            }
            root as u32
        })
        .collect()
}

/// The hash of b.
pub fn sum(b: &[u8]) -> [u8; 32] {
    let k = constants(false);
    let mut h: Vec<u32> = constants(true)[..8].to_vec();
    let mut padded = b.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8 + 63) / 64 * 64 - 8, 0);
    padded.extend_from_slice(&(b.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut w: Vec<u32> = block.chunks(4).map(|c| u32::from_be_bytes([c[0], c[1], c[2], c[3]])).collect();
        for i in 16..64 {
            let (a, z) = (w[i - 15], w[i - 2]);
            let s0 = a.rotate_right(7) ^ a.rotate_right(18) ^ a >> 3;
            let s1 = z.rotate_right(17) ^ z.rotate_right(19) ^ z >> 10;
            w.push(w[i - 16].wrapping_add(s0).wrapping_add(w[i - 7]).wrapping_add(s1));
        }
        let mut v = h.clone();
        for i in 0..64 {
            let s1 = v[4].rotate_right(6) ^ v[4].rotate_right(11) ^ v[4].rotate_right(25);
            let choice = v[4] & v[5] ^ !v[4] & v[6];
            let t1 = v[7].wrapping_add(s1).wrapping_add(choice).wrapping_add(k[i]).wrapping_add(w[i]);
            let s0 = v[0].rotate_right(2) ^ v[0].rotate_right(13) ^ v[0].rotate_right(22);
            let majority = v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2];
            v.rotate_right(1);
            v[4] = v[4].wrapping_add(t1);
            v[0] = t1.wrapping_add(s0.wrapping_add(majority));
        }
        for (sum, part) in h.iter_mut().zip(v) {
            *sum = sum.wrapping_add(part);
        }
    }
    let mut out = [0; 32];
    for (to, word) in out.chunks_mut(4).zip(h) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::sum;

    fn hex(b: &[u8]) -> String {
        sum(b).iter().map(|c| format!("{:02x}", c)).collect()
    }

    /// Examples of FIPS 180-4 and of lengths around a block's end.
    #[test]
    fn known_hashes() {
        assert_eq!(hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(
            hex(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
        assert_eq!(hex(&[7; 55]), "943cc61860776ca8e78a365d988036ed2ade2ca4aca3236dd9501adc4fbbaa27");
        assert_eq!(hex(&[7; 56]), "849e6994b02d460680d1d4d9ed690aa35811c88056987e0b6cad0eb85cb7d98d");
        assert_eq!(hex(&[7; 63]), "4267755c91adbe48467358342d80bda027985cda840cea5aef936cdc0aa6138e");
        assert_eq!(hex(&[7; 64]), "6cfeeb3aa25d3f411dae5eec17d7369ca7153e72dcf54bcf4c3daec0f5b21fc7");
        assert_eq!(hex(&[7; 65]), "2fa7eeba09baebc8ecef6fcfd44a61d64619aefae0b51f724658aa6dc03e8424");
        assert_eq!(hex(&[7; 1000]), "df1329c8b6c7cf3740bbe2f8bab34d253a8d9534a79dceea18177081fdf9f0e9");
    }
}
