//! Records of a WARC file, version 1.1 (ISO 28500:2017): each a gzip member of its own (annex D), so that what was
//! written before an interruption can be read.

use std::io::{self, BufRead, Read, Write};

use sha1::{Digest, Sha1};

use super::{Error, MOST};

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Named fields, without those that follow from the block.
    pub(super) fields: Vec<(String, String)>,
    pub(super) block: Vec<u8>,
}

/// The most bytes of the named fields of a record.
const MOST_FIELDS: u64 = 64 << 10;

// === impl Record ===

impl Record {
    pub(super) fn new(kind: &str, block: Vec<u8>) -> Self {
        Self { fields: Vec::new(), block }.with("WARC-Type", kind)
    }

    /// With one field more. A line break would be the end of it.
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        let value: String = value.into().chars().filter(|c| !c.is_control()).collect();
        self.fields.push((name.to_owned(), value));
        self
    }

    /// The value of a field, whose name is in any case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// As a gzip member, with digest and length of its block.
    pub(super) fn member(&self) -> io::Result<Vec<u8>> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(b"WARC/1.1\r\n")?;
        for (name, value) in &self.fields {
            write!(out, "{name}: {value}\r\n")?;
        }
        write!(out, "WARC-Block-Digest: {}\r\n", digest(&self.block))?;
        write!(out, "Content-Length: {}\r\n\r\n", self.block.len())?;
        out.write_all(&self.block)?;
        out.write_all(b"\r\n\r\n")?;
        out.finish()
    }
}

/// The digest of a block or payload, as archives write it: SHA-1 in Base32.
pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha1:{}", base32(&Sha1::digest(bytes)))
}

/// Base32 (RFC 4648, section 6), of whole groups of five bytes: all that a SHA-1 needs.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..8).rev().map(move |place| char::from(LETTERS[(bits >> (place * 5) & 31) as usize]))
    };
    bytes.chunks_exact(5).flat_map(group).collect()
}

/// The records of a compressed file up to its end, or to what is wrong with it.
pub(super) fn read(file: impl Read) -> (Vec<Record>, Option<Error>) {
    let mut left = MOST;
    let mut source = io::BufReader::new(flate2::read::MultiGzDecoder::new(file));
    let mut records = Vec::new();
    loop {
        match next(&mut source, &mut left, records.len() + 1) {
            Ok(Some(record)) => records.push(record),
            Ok(None) => return (records, None),
            Err(error) => return (records, Some(error)),
        }
    }
}

/// The next record; `None` at the end.
fn next(source: &mut impl BufRead, left: &mut u64, number: usize) -> Result<Option<Record>, Error> {
    let failed = |cause: io::Error| match cause.kind() {
        io::ErrorKind::UnexpectedEof => Error::Truncated { record: number },
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            broken(number, format!("is not gzip, or damaged ({cause})"))
        }
        _ => Error::Read(cause),
    };
    if source.fill_buf().map_err(failed)?.is_empty() {
        return Ok(None);
    }
    let mut budget = MOST_FIELDS.min(*left);
    let mut line = || -> Result<String, Error> {
        let mut bytes = Vec::new();
        let n_read = source.by_ref().take(budget).read_until(b'\n', &mut bytes).map_err(failed)? as u64;
        budget -= n_read;
        *left -= n_read;
        match bytes.strip_suffix(b"\n") {
            Some(text) => {
                let text = text.strip_suffix(b"\r").unwrap_or(text);
                let text =
                    std::str::from_utf8(text).map_err(|_| broken(number, "is not UTF-8 in its fields"))?;
                Ok(text.to_owned())
            }
            None if budget == 0 => Err(broken(number, "has fields without end")),
            None => Err(Error::Truncated { record: number }),
        }
    };
    let version = line()?;
    if !version.starts_with("WARC/1.") {
        return Err(broken(number, "does not begin with `WARC/1.1`: this is no WARC file"));
    }
    let mut record = Record::default();
    loop {
        let line = line()?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(broken(number, "has a field without a colon"));
        };
        record.fields.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let length: Option<u64> = record.get("Content-Length").and_then(|length| length.parse().ok());
    let length = length.ok_or_else(|| broken(number, "does not say its length"))?;
    // Two line breaks after the block.
    *left = length.checked_add(4).and_then(|all| left.checked_sub(all)).ok_or(Error::TooLarge)?;
    source.by_ref().take(length).read_to_end(&mut record.block).map_err(failed)?;
    let mut end = Vec::new();
    source.by_ref().take(4).read_to_end(&mut end).map_err(failed)?;
    if (record.block.len() as u64) < length || end.len() < 4 {
        return Err(Error::Truncated { record: number });
    }
    let is_whole = |wanted: &str| !wanted.starts_with("sha1:") || wanted == digest(&record.block);
    if end != b"\r\n\r\n" || !record.get("WARC-Block-Digest").is_none_or(is_whole) {
        return Err(broken(number, "is damaged: its block is not what its length and digest say"));
    }
    Ok(Some(record))
}

pub(super) fn broken(record: usize, problem: impl Into<String>) -> Error {
    Error::Broken { record, problem: problem.into() }
}

/// An identifier that no other record of the world has.
pub(super) fn new_id() -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Without randomness the place of the record in its file has to do; nothing of ours refers from file to file.
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        bytes[8..].copy_from_slice(&count.to_be_bytes());
    }
    format!("<urn:uuid:{}>", uuid::Builder::from_random_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(block: &[u8]) -> Record {
        Record::new("resource", block.to_vec()).with("WARC-Target-URI", "http://a.vn/")
    }

    #[test]
    fn digests_are_what_archives_write() {
        // From RFC 4648, section 10, and the digest that archives write of an empty body.
        assert_eq!(base32(b"fooba"), "MZXW6YTB");
        assert_eq!(digest(b""), "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let written = [record(b""), record(b"\r\n\r\nWARC/1.1\r\n"), record(&[0, 255])];
        let file: Vec<u8> = written.iter().flat_map(|record| record.member().unwrap()).collect();
        let (read, error) = read(file.as_slice());
        assert!(error.is_none(), "{error:?}");
        assert_eq!(read.len(), written.len());
        for (read, written) in read.iter().zip(&written) {
            assert_eq!((&read.block, read.get("warc-type")), (&written.block, Some("resource")));
        }
    }

    #[test]
    fn a_field_cannot_break_its_line() {
        let member = record(b"").with("X", "a\r\nContent-Length: 9").member().unwrap();
        let (records, error) = read(member.as_slice());
        assert!(error.is_none(), "{error:?}");
        assert_eq!(records[0].get("X"), Some("aContent-Length: 9"));
    }

    #[test]
    fn every_cut_leaves_the_records_before_it() {
        let (one, two) = (record(b"one").member().unwrap(), record(b"two").member().unwrap());
        let file = [one.clone(), two].concat();
        for cut in 1..file.len() {
            let (records, error) = read(&file[..cut]);
            // The checksum at a member's end comes after all of its record.
            let n_ended =
                |slack: usize| [one.len(), file.len()].iter().filter(|end| cut + slack >= **end).count();
            assert!((n_ended(0)..=n_ended(9)).contains(&records.len()), "{} at {cut}", records.len());
            let is_whole = cut == one.len();
            assert_eq!(error.is_none(), is_whole, "cut at {cut}: {error:?}");
        }
    }

    #[test]
    fn what_is_no_warc_is_said() {
        let zip = |bytes: &[u8]| {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        };
        let check = |file: &[u8], part: &str| {
            let (records, error) = read(file);
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(records.is_empty() && error.contains(part), "`{part}` is not in `{error}`");
        };
        check(b"<html></html>", "record 1 is not gzip");
        check(&zip(b"<html></html>\n"), "this is no WARC file");
        check(&zip(b"WARC/1.1\r\nno colon\r\n\r\n"), "without a colon");
        check(&zip(b"WARC/1.1\r\nWARC-Type: x\r\n\r\n"), "does not say its length");
        check(&zip(b"WARC/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n"), "256 MiB");
        check(&zip(b"WARC/1.1\r\nContent-Length: 9\r\n\r\nabc"), "ends within record 1");
        check(&zip(b"WARC/1.1\r\nContent-Length: 1\r\n\r\nabcdef"), "damaged");
        check(&zip(&[b"WARC/1.1\r\nX: ".as_slice(), &[b'x'; 1 << 17]].concat()), "fields without end");
        let wrong = b"WARC/1.1\r\nWARC-Block-Digest: sha1:AAAA\r\nContent-Length: 1\r\n\r\na\r\n\r\n";
        check(&zip(wrong), "damaged");
    }
}
