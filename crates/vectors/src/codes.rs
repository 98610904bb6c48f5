//! Small whole numbers, packed by the row, and their products with a query.

use crate::dot::Kernel;

/// Packed numbers are read this many bytes, one register, at a time.
const BLOCK: usize = 32;

/// Values whose numbers of `BITS` bits fill a block.
pub(crate) const fn block_values(bits: i32) -> usize {
    8 * BLOCK / bits as usize
}

/// Bytes of a row of `dim` numbers.
pub(crate) const fn row_bytes(bits: i32, dim: usize) -> usize {
    dim.div_ceil(block_values(bits)) * BLOCK
}

/// Appends a row of numbers below `2^BITS`.
///
/// Number `32 t + j` of a block lies in bits `BITS t` and up of the block's byte `j`: a shift and a mask
/// of the whole register give 32 numbers in their order, ready to be multiplied.
pub(crate) fn pack<const BITS: i32>(numbers: &[u8], codes: &mut Vec<u8>) {
    for block in numbers.chunks(block_values(BITS)) {
        let mut bytes = [0u8; BLOCK];
        for (group, numbers) in block.chunks(BLOCK).enumerate() {
            let shift = BITS as usize * group;
            bytes.iter_mut().zip(numbers).for_each(|(byte, number)| *byte |= number << shift);
        }
        codes.extend(bytes);
    }
}

impl Kernel {
    /// `Σ query · number` of a packed row. The query must be filled up to whole blocks with zeros, and
    /// have no -128. Exact for up to 2^20 values.
    pub(crate) fn sum<const BITS: i32>(self, query: &[i8], codes: &[u8]) -> i32 {
        match self {
            // SAFETY: this variant is only made where AVX2 was detected.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2_sum::<BITS>(query, codes) },
            Self::Portable => portable_sum::<BITS>(query, codes),
        }
    }
}

/// Has the processor bring bytes near that are needed soon. Rows of codes are so short that it does not
/// see by itself, while it works on one, that the next are wanted.
pub(crate) fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which every x86-64 has and which reads nothing; the address is a slice's.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

fn portable_sum<const BITS: i32>(query: &[i8], codes: &[u8]) -> i32 {
    let mask = (1u8 << BITS) - 1;
    let blocks = codes.as_chunks::<BLOCK>().0.iter();
    let mut sum = 0;
    for (block, query) in blocks.zip(query.chunks_exact(block_values(BITS))) {
        for (group, steps) in query.as_chunks::<BLOCK>().0.iter().enumerate() {
            let shift = BITS as usize * group;
            for (byte, &step) in block.iter().zip(steps) {
                sum += i32::from(i16::from(byte >> shift & mask) * i16::from(step));
            }
        }
    }
    sum
}

/// # Safety
/// The processor must have AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2_sum<const BITS: i32>(query: &[i8], codes: &[u8]) -> i32 {
    use std::arch::x86_64::*;
    let groups = const { 8 / BITS as usize };
    let (mask, ones) = (_mm256_set1_epi8((1 << BITS) - 1), _mm256_set1_epi16(1));
    let mut sums = [_mm256_setzero_si256(); 2];
    let (blocks, steps) = (codes.as_chunks::<BLOCK>().0, query.as_chunks::<BLOCK>().0);
    let count = blocks.len().min(steps.len() / groups);
    for (place, block) in blocks[..count].iter().enumerate() {
        // SAFETY: a block has the 32 bytes that are loaded; unaligned loads.
        let mut bytes = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
        // Two products a lane and group: at most 2 * 15 * 127 in two groups, far below 2^15.
        let mut lanes = _mm256_setzero_si256();
        for group in 0..groups {
            // SAFETY: `count` blocks have their groups of 32 steps; unaligned loads.
            let steps = unsafe {
                let group = steps.as_ptr().add(place * groups + group);
                _mm256_loadu_si256(group.cast())
            };
            let products = _mm256_maddubs_epi16(_mm256_and_si256(bytes, mask), steps);
            lanes = _mm256_add_epi16(lanes, products);
            // Bits that come in from the neighbour are never below those that are still to be read.
            bytes = _mm256_srli_epi16::<BITS>(bytes);
        }
        let sum = &mut sums[place % 2];
        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(lanes, ones));
    }
    let mut lanes = [0i32; 8];
    // SAFETY: the array has the eight values that are stored.
    unsafe {
        _mm256_storeu_si256(lanes.as_mut_ptr().cast(), _mm256_add_epi32(sums[0], sums[1]));
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check<const BITS: i32>(numbers: &[u8], query: &[i8]) {
        let numbers: Vec<u8> = numbers.iter().map(|number| number & ((1 << BITS) - 1)).collect();
        let expected: i32 =
            numbers.iter().zip(query).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
        let mut codes = Vec::new();
        pack::<BITS>(&numbers, &mut codes);
        assert_eq!(codes.len(), row_bytes(BITS, numbers.len()));
        let mut filled = query.to_vec();
        filled.resize(query.len().next_multiple_of(block_values(BITS)), 0);
        for kernel in [Kernel::of_this_machine(), Kernel::Portable] {
            assert_eq!(kernel.sum::<BITS>(&filled, &codes), expected, "{kernel:?}");
        }
    }

    proptest! {
        #[test]
        fn sums_are_exact(pairs in prop::collection::vec((any::<u8>(), -127i8..=127), 0..1200)) {
            let (numbers, query): (Vec<u8>, Vec<i8>) = pairs.into_iter().unzip();
            check::<4>(&numbers, &query);
            check::<2>(&numbers, &query);
        }
    }

    #[test]
    fn the_largest_sums_do_not_overflow() {
        for step in [127, -127] {
            check::<4>(&vec![15; 1 << 20], &vec![step; 1 << 20]);
            check::<2>(&vec![3; 1 << 20], &vec![step; 1 << 20]);
        }
    }
}
