//! Media types by file name, and which files are attachments.

use ::url::Url;

/// Extensions and their media types (IANA).
const TYPES: [(&str, &str); 36] = [
    ("pdf", "application/pdf"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("rtf", "application/rtf"),
    ("zip", "application/zip"),
    ("rar", "application/vnd.rar"),
    ("7z", "application/x-7z-compressed"),
    ("csv", "text/csv"),
    ("txt", "text/plain"),
    ("epub", "application/epub+zip"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("svg", "image/svg+xml"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("wav", "audio/wav"),
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("webm", "video/webm"),
    ("mov", "video/quicktime"),
    ("flv", "video/x-flv"),
    ("wmv", "video/x-ms-wmv"),
];

/// How many of `TYPES` are documents that a link makes an attachment.
const DOCUMENTS: usize = 13;

/// The media type that the file name in `address` tells, parameters without value included
/// (`/documents/1/2/name.pdf/uuid` is a PDF).
pub(super) fn by_name(address: &str) -> Option<&'static str> {
    known(address).and_then(|at| TYPES.get(at)).map(|(_, media_type)| *media_type)
}

/// True when a link to `address` is an attachment.
pub(super) fn is_document(address: &str) -> bool {
    known(address).is_some_and(|at| at < DOCUMENTS)
}

fn known(address: &str) -> Option<usize> {
    let url: Url = address.parse().ok()?;
    let mut segments = url.path_segments()?.rev().filter(|segment| !segment.is_empty());
    let last = segments.next()?;
    let of = |name: &str| {
        let (_, extension) = name.rsplit_once('.')?;
        TYPES.iter().position(|(known, _)| extension.eq_ignore_ascii_case(known))
    };
    // Liferay puts a UUID behind the file name.
    let uuid = last.len() == 36 && last.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    of(last).or_else(|| segments.next().filter(|_| uuid).and_then(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_types_by_name() {
        for (address, expected, document) in [
            ("http://a.vn/x/KH%2012.PDF", Some("application/pdf"), true),
            (
                "http://a.vn/documents/1/2/a.doc/0b0a8c1e-1111-2222-3333-444455556666",
                Some("application/msword"),
                true,
            ),
            ("http://a.vn/a.jpg?x=1", Some("image/jpeg"), false),
            ("http://a.vn/post.aspx?file=a.pdf", None, false),
            ("http://a.vn/", None, false),
            ("a.pdf", None, false),
        ] {
            assert_eq!((by_name(address), is_document(address)), (expected, document), "{address}");
        }
    }
}
