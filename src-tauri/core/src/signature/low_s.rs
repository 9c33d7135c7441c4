//! The one of an ECDSA signature's two forms that counts: (r, s) and (r, n − s) both fit, so that anybody could make a
//! second signature from a first. The smaller s is the one. Source: SEC 1, 4.1.3; n of P-256: SEC 2, 2.4.2.

/// The order of P-256's group, n.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// (n − 1) / 2: the largest s that counts.
const HALF: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde,
    0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// Whether s, an mpint of at most 256 bits, is the one that counts.
pub(super) fn is_low(mpint: &[u8]) -> bool {
    wide(mpint).is_some_and(|s| s <= HALF)
}

/// s, an mpint, or else n − s, as an mpint. `None` where s is not below n.
pub(super) fn lowered(mpint: &[u8]) -> Option<Vec<u8>> {
    let s = wide(mpint)?;
    if s <= HALF {
        return Some(mpint.to_vec());
    }
    if s >= ORDER {
        return None;
    }
    let mut low = [0; 32];
    let mut borrow = false;
    for at in (0..32).rev() {
        let (digit, first) = ORDER[at].overflowing_sub(s[at]);
        let (digit, second) = digit.overflowing_sub(u8::from(borrow));
        low[at] = digit;
        borrow = first || second;
    }
    let start = low.iter().position(|byte| *byte != 0)?;
    let mut number = Vec::from(&low[start..]);
    // An mpint's first bit is its sign.
    if number[0] >= 0x80 {
        number.insert(0, 0);
    }
    Some(number)
}

fn wide(mpint: &[u8]) -> Option<[u8; 32]> {
    let digits = match mpint {
        [0, rest @ ..] => rest,
        all => all,
    };
    let mut number = [0; 32];
    number
        .get_mut(32usize.checked_sub(digits.len())?..)?
        .copy_from_slice(digits);
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_forms_of_a_number_become_one() {
        let high = [&[0], ORDER.as_slice()].concat();
        let with_last = |last: u8| {
            let mut number = high.clone();
            number[32] = last;
            number
        };
        assert_eq!(lowered(&with_last(0x50)), Some(vec![1]), "n − 1 becomes 1");
        assert_eq!(lowered(&with_last(0x4f)), Some(vec![2]));
        assert_eq!(lowered(&high), None, "n itself is no s");
        assert_eq!(lowered(&[0x7f]), Some(vec![0x7f]));
        assert_eq!(lowered(&HALF), Some(HALF.to_vec()));
        let mut above = HALF;
        above[31] += 1;
        assert!(is_low(&HALF) && !is_low(&above));
        assert_eq!(lowered(&above), Some(HALF.to_vec()), "n − (n + 1)/2 is (n − 1)/2");
        let mut far = with_last(0xc1);
        far[31] = 0x24;
        assert_eq!(lowered(&far), Some(vec![0, 0x90]), "the sign bit stays free");
    }
}
