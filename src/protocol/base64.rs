//! Base64, as AUTHENTICATE wants it.

/// Appends the octets in base64, padded.
pub(crate) fn encode(octets: &[u8], out: &mut Vec<u8>) {
    for chunk in octets.chunks(3) {
        let mut bits = chunk
            .iter()
            .fold(0u32, |bits, &octet| (bits << 8) | u32::from(octet));
        bits <<= 24u32.saturating_sub(u32::try_from(chunk.len()).unwrap_or(3).saturating_mul(8));
        for position in 0..4usize {
            let six = (bits >> 18) & 0x3f;
            let digit = ALPHABET
                .get(usize::try_from(six).unwrap_or_default())
                .copied()
                .unwrap_or(b'A');
            out.push(if position <= chunk.len() { digit } else { b'=' });
            bits <<= 6;
        }
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_of_every_length_are_encoded() {
        for (octets, text) in [
            (&b""[..], ""),
            (b"t", "dA=="),
            (b"ti", "dGk="),
            (b"tid", "dGlk"),
            (b"\0ada\0low-tide", "AGFkYQBsb3ctdGlkZQ=="),
            (b"\xff\xfe\xfd\xfb", "//79+w=="),
        ] {
            let mut out = Vec::new();
            encode(octets, &mut out);
            assert_eq!(out, text.as_bytes());
        }
    }
}
