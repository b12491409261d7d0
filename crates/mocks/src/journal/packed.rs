//! A message in one piece of memory.

use std::borrow::Cow;

use http::{HeaderMap, Uri};

/// The longest body that is kept, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// The address, the headers and the body of a message, one after the other in memory of their own: the bytes that hyper
/// hands out are parts of a larger buffer, which they would keep.
#[derive(Debug)]
pub(super) struct Packed {
    bytes: Box<[u8]>,
    path: usize,
    address: usize,
    head: usize,
    /// The length of the body, which may not be kept.
    pub(super) body_size: usize,
}

impl Packed {
    /// A body without `body`, or one that is too long, counts with `body_size` and is not kept.
    pub(super) fn new(uri: Option<&Uri>, headers: &HeaderMap, body: Option<&[u8]>, body_size: usize) -> Self {
        let (path, query) = uri.map_or(("", None), |uri| (uri.path(), uri.query()));
        let body = body.filter(|body| body.len() <= MAX_BODY).unwrap_or_default();
        let lines = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + LINE);
        let address = path.len() + query.map_or(0, |query| query.len() + 1);
        let mut bytes = Vec::with_capacity(address + lines.sum::<usize>() + body.len());
        bytes.extend_from_slice(path.as_bytes());
        if let Some(query) = query {
            bytes.push(b'?');
            bytes.extend_from_slice(query.as_bytes());
        }
        for (name, value) in headers {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.push(SEPARATOR);
            bytes.extend_from_slice(value.as_bytes());
            bytes.push(END);
        }
        let head = bytes.len();
        bytes.extend_from_slice(body);
        Self { bytes: bytes.into(), path: path.len(), address, head, body_size }
    }

    /// How much memory it takes, in bytes.
    pub(super) const fn size(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn path(&self) -> &str {
        text(&self.bytes[..self.path])
    }

    pub(super) fn query(&self) -> Option<&str> {
        (self.address > self.path).then(|| text(&self.bytes[self.path + 1..self.address]))
    }

    /// The headers, in the order in which they came.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let lines = self.bytes[self.address..self.head].split(|byte| *byte == END);
        lines.filter_map(|line| {
            let end = line.iter().position(|byte| *byte == SEPARATOR)?;
            Some((text(&line[..end]), String::from_utf8_lossy(&line[end + 1..])))
        })
    }

    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.headers().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The body, as far as it is kept.
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[self.head..]
    }
}

/// Between the name and the value of a header: no name contains it.
const SEPARATOR: u8 = b':';
/// At the end of a header: no value contains it.
const END: u8 = b'\n';
/// The length of both.
const LINE: usize = 2;

/// Addresses and names of headers are ASCII, or UTF-8.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back_as_it_was() {
        let uri: Uri = "/a/b?c=d&e".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-a", "1:2".parse().unwrap());
        headers.append("x-b", http::HeaderValue::from_bytes(b"\xff").unwrap());
        headers.append("x-b", "".parse().unwrap());
        let packed = Packed::new(Some(&uri), &headers, Some(b"\0\n:"), 3);
        assert_eq!((packed.path(), packed.query(), packed.body()), ("/a/b", Some("c=d&e"), &b"\0\n:"[..]));
        let shown: Vec<_> = packed.headers().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(shown, ["x-a=1:2", "x-b=\u{fffd}", "x-b="]);
        assert_eq!(packed.header("x-a").as_deref(), Some("1:2"));
        assert_eq!(packed.header("x"), None);
        let bare =
            Packed::new(Some(&"/?".parse().unwrap()), &HeaderMap::new(), Some(&vec![b'x'; MAX_BODY + 1]), MAX_BODY + 1);
        assert_eq!((bare.path(), bare.query(), bare.body(), bare.body_size), ("/", Some(""), &b""[..], MAX_BODY + 1));
        assert_eq!(bare.headers().count(), 0);
    }
}
