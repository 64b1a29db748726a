//! What the tests of several modules need.

use millpond_event::Records;

/// Rows of these texts, each with its newline; the first comes from input 0.
pub(crate) fn records<'a>(texts: impl IntoIterator<Item = &'a str>) -> Records {
    let mut records = Records::default();
    for (input, text) in texts.into_iter().enumerate() {
        records.push(u32::try_from(input).expect("few"), |out| {
            out.extend_from_slice(text.as_bytes());
            out.push(b'\n');
        });
    }
    records
}
