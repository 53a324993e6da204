//! Amounts of money.

use std::fmt;

/// An unsigned number of 128 bits, for money.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Amount(pub u128);

impl Amount {
    /// The sum; none when that is more than 128 bits hold.
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount)
    }

    /// The difference; none when other is more.
    pub fn checked_sub(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).map(Amount)
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The form in the state and in arguments: big-endian, without leading zeros,
    /// so zero is empty.
    pub fn append(self, out: &mut Vec<u8>) {
        let all = self.0.to_be_bytes();
        out.extend_from_slice(&all[self.0.leading_zeros() as usize / 8..]);
    }

    /// Reads what append wrote.
    pub fn parse(b: &[u8]) -> Option<Amount> {
        if b.len() > 16 || b.first() == Some(&0) {
            return None;
        }
        Some(Amount(b.iter().fold(0, |v, &c| v << 8 | u128::from(c))))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_the_shortest() {
        for v in [0, 1, 255, 256, u64::MAX as u128, u64::MAX as u128 + 1, u128::MAX] {
            let mut b = Vec::new();
            Amount(v).append(&mut b);
            assert_eq!(Amount::parse(&b), Some(Amount(v)));
            assert_ne!(b.first(), Some(&0));
        }
        assert_eq!(Amount::parse(&[0]), None);
        assert_eq!(Amount::parse(&[1; 17]), None);
        assert_eq!(Amount(u128::MAX).checked_add(Amount(1)), None);
        assert_eq!(Amount(1).checked_sub(Amount(2)), None);
    }
}
