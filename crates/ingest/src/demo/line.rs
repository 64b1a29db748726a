//! The place where an event is written, by copies of fixed length.

/// A text of at most `N` bytes that is copied as `N` bytes: a copy of fixed length is no call.
#[derive(Clone, Copy)]
pub(super) struct Word<const N: usize = 32> {
    text: [u8; N],
    length: u8,
}

impl<const N: usize> Word<N> {
    /// # Panics
    /// When the text is longer than `N` bytes.
    pub(super) const fn new(text: &str) -> Self {
        let mut word = Word {
            text: [0; N],
            length: 0,
        };
        while (word.length as usize) < text.len() {
            word.text[word.length as usize] = text.as_bytes()[word.length as usize];
            word.length += 1;
        }
        word
    }
}

/// A dot and two digits.
pub(super) const HUNDREDTHS: [[u8; 3]; 100] = {
    let mut texts = [*b".00"; 100];
    let mut number = 0;
    while number < texts.len() {
        texts[number][1] += (number / 10) as u8;
        texts[number][2] += (number % 10) as u8;
        number += 1;
    }
    texts
};

const ZEROS: u64 = u64::from_le_bytes(*b"00000000");

/// The values of eight decimal digits, a byte each, the first in the lowest.
#[inline]
fn eight_digits(number: u32) -> u64 {
    let (high, low) = (number / 10_000, number % 10_000);
    let fours = u64::from(high) | u64::from(low) << 32;
    // Two quotients at a time: 5243 / 2^19 is 1 / 100, and 103 / 2^10 is 1 / 10, closely enough for them.
    let hundreds = ((fours * 5_243) >> 19) & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (twos - tens * 10) << 8
}

/// Eight hexadecimal digits, the first in the lowest byte.
#[inline]
fn eight_hex_digits(bits: u32) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let bytes = u64::from(bits.swap_bytes());
    let pairs = (bytes | bytes << 16) & 0x0000_ffff_0000_ffff;
    let bytes = (pairs | pairs << 8) & 0x00ff_00ff_00ff_00ff;
    let digits = (bytes >> 4 | bytes << 8) & (15 * ONES);
    let letters = (digits + 6 * ONES) >> 4 & ONES;
    digits + ZEROS + letters * u64::from(b'a' - b'0' - 10)
}

/// The place in a buffer where a line is written.
pub(super) struct Line<'a> {
    pub(super) buffer: &'a mut [u8],
    pub(super) at: usize,
}

impl Line<'_> {
    #[inline]
    pub(super) fn put<const N: usize>(&mut self, text: &[u8; N]) {
        self.buffer[self.at..self.at + N].copy_from_slice(text);
        self.at += N;
    }

    /// Writes behind the word, too.
    #[inline]
    pub(super) fn word<const N: usize>(&mut self, word: &Word<N>) {
        self.put(&word.text);
        self.at -= N - usize::from(word.length);
    }

    /// Sixteen hexadecimal digits.
    #[inline]
    pub(super) fn hex(&mut self, bits: u64) {
        self.put(&eight_hex_digits((bits >> 32) as u32).to_le_bytes());
        self.put(&eight_hex_digits(bits as u32).to_le_bytes());
    }

    /// Writes up to seven bytes behind it, too.
    #[inline]
    pub(super) fn number(&mut self, number: u64) {
        const END: u64 = 100_000_000;
        let (high, low) = (number / END, (number % END) as u32);
        if high == 0 {
            self.up_to_eight(low);
            return;
        }
        let (high, middle) = (high / END, (high % END) as u32);
        if high == 0 {
            self.up_to_eight(middle);
        } else {
            self.up_to_eight(high as u32);
            self.put(&(eight_digits(middle) | ZEROS).to_le_bytes());
        }
        self.put(&(eight_digits(low) | ZEROS).to_le_bytes());
    }

    #[inline]
    fn up_to_eight(&mut self, number: u32) {
        let digits = eight_digits(number);
        let leading = (digits.trailing_zeros() / 8).min(7);
        self.put(&((digits | ZEROS) >> (8 * leading)).to_le_bytes());
        self.at -= leading as usize;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Line<'_>)) -> String {
        let mut buffer = [0; 32];
        let mut line = Line {
            buffer: &mut buffer,
            at: 0,
        };
        write(&mut line);
        let end = line.at;
        String::from_utf8(buffer[..end].to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_written_as_rust_writes_them() {
        let by_length = (0..20).flat_map(|digits| {
            let power = 10_u64.pow(digits);
            [power - 1, power, power + 1, power.saturating_mul(9)]
        });
        let multiples =
            (1..2_000_u64).flat_map(|n| [n, n * 9_999, n.wrapping_mul(0x9e37_79b9_7f4a_7c15)]);
        for number in by_length.chain(multiples).chain([u64::MAX - 1, u64::MAX]) {
            assert_eq!(written(|line| line.number(number)), number.to_string());
            assert_eq!(written(|line| line.hex(number)), format!("{number:016x}"));
        }
    }

    #[test]
    fn a_word_ends_where_its_text_does() {
        let text = written(|line| {
            line.word(&Word::<4>::new("äb"));
            line.word(&Word::<16>::new(""));
            line.put(&HUNDREDTHS[7]);
        });
        assert_eq!(text, "äb.07");
    }
}
