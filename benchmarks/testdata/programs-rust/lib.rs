//! Programs whose metering is measured; each returns something that depends on all its work.
#![crate_type = "cdylib"]

#[no_mangle]
pub extern "C" fn concordat_abi_1() {}

#[no_mangle]
pub extern "C" fn call() -> i32 {
    0
}

#[no_mangle]
pub extern "C" fn fib(n: i32) -> i64 {
    if n < 2 {
        n as i64
    } else {
        fib(n - 1) + fib(n - 2)
    }
}

#[no_mangle]
pub extern "C" fn collatz(n: i32) -> i64 {
    let mut longest = 0;
    for start in 1..n as u64 {
        let (mut x, mut steps) = (start, 0);
        while x != 1 {
            x = if x % 2 == 0 { x / 2 } else { 3 * x + 1 };
            steps += 1;
        }
        longest = longest.max(steps);
    }
    longest
}

/// The innermost loop has three instructions of the source.
#[no_mangle]
pub extern "C" fn sieve(n: i32) -> i64 {
    let n = n as usize;
    let mut composite = vec![0u8; n];
    let mut primes = 0;
    for i in 2..n {
        if composite[i] == 0 {
            primes += 1;
            let mut j = i * i;
            while j < n {
                composite[j] = 1;
                j += i;
            }
        }
    }
    primes
}

#[no_mangle]
pub extern "C" fn texts(n: i32) -> i64 {
    let mut map = std::collections::BTreeMap::new();
    for i in 0..n {
        *map.entry(format!("account {}", i % 512)).or_insert(0i64) += i as i64;
    }
    map.values().sum()
}

#[no_mangle]
pub extern "C" fn sha256(n: i32) -> i64 {
    let mut block = [1u8; 64];
    for _ in 0..n {
        let sum = compress(&block);
        for (i, w) in sum.iter().enumerate() {
            block[4 * i..4 * i + 4].copy_from_slice(&w.to_be_bytes());
        }
    }
    block[0] as i64
}

fn compress(block: &[u8; 64]) -> [u32; 8] {
    let mut h: [u32; 8] = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
    let mut w = [0u32; 64];
    for i in 0..16 {
        w[i] = u32::from_be_bytes([block[4 * i], block[4 * i + 1], block[4 * i + 2], block[4 * i + 3]]);
    }
    for i in 16..64 {
        let a = w[i - 15].rotate_right(7) ^ w[i - 15].rotate_right(18) ^ (w[i - 15] >> 3);
        let b = w[i - 2].rotate_right(17) ^ w[i - 2].rotate_right(19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16].wrapping_add(a).wrapping_add(w[i - 7]).wrapping_add(b);
    }
    let mut v = h;
    for i in 0..64 {
        let s1 = v[4].rotate_right(6) ^ v[4].rotate_right(11) ^ v[4].rotate_right(25);
        let ch = (v[4] & v[5]) ^ (!v[4] & v[6]);
        // The round constants are replaced by a cheap stand-in: what is measured is the shape of the work.
        let t1 = v[7].wrapping_add(s1).wrapping_add(ch).wrapping_add(w[i]).wrapping_add(0x9e3779b9u32.wrapping_mul(i as u32 + 1));
        let s0 = v[0].rotate_right(2) ^ v[0].rotate_right(13) ^ v[0].rotate_right(22);
        let t2 = s0.wrapping_add((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        v = [t1.wrapping_add(t2), v[0], v[1], v[2], v[3].wrapping_add(t1), v[4], v[5], v[6]];
    }
    for i in 0..8 {
        h[i] = h[i].wrapping_add(v[i]);
    }
    h
}

#[no_mangle]
pub extern "C" fn mandelbrot(n: i32) -> i64 {
    let mut inside = 0;
    for y in 0..n {
        for x in 0..n {
            let (cr, ci) = (3.0 * x as f64 / n as f64 - 2.0, 2.0 * y as f64 / n as f64 - 1.0);
            let (mut zr, mut zi) = (0.0f64, 0.0f64);
            let mut i = 0;
            while zr * zr + zi * zi <= 4.0 && i < 50 {
                let t = zr * zr - zi * zi + cr;
                zi = 2.0 * zr * zi + ci;
                zr = t;
                i += 1;
            }
            if i == 50 {
                inside += 1;
            }
        }
    }
    inside
}

/// Like texts, with keys that are compared as numbers.
#[no_mangle]
pub extern "C" fn numbers(n: i32) -> i64 {
    let mut map = std::collections::BTreeMap::new();
    for i in 0..n {
        *map.entry((i as u64).wrapping_mul(0x9e3779b97f4a7c15) >> 55).or_insert(0i64) += format!("account {}", i % 512).len() as i64;
    }
    map.values().sum()
}
