//! What can go wrong, without a word about the values that went wrong.

use std::fmt;

/// Why a 32-byte string is not a usable group element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not the one canonical encoding of a ristretto255 element (RFC 9496 section 4.3.1).
    Encoding,
    /// The neutral element: its multiple says nothing, so it is never a valid list entry.
    Identity,
    /// The same encoding stood earlier in the list.
    Repeated,
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Reason::Encoding => "encoding",
            Reason::Identity => "identity",
            Reason::Repeated => "repeated",
        }
    }
}

/// The first bad element of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPoint {
    pub index: usize,
    pub reason: Reason,
}

impl BadPoint {
    /// The same finding, in a list in which `offset` elements stand before this part.
    pub fn shifted(self, offset: usize) -> Self {
        BadPoint { index: self.index + offset, ..self }
    }
}

/// Every failure of this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    Point(BadPoint),
    /// A proof does not hold.
    Proof,
    /// An argument of the caller has a wrong length or range; the text is constant.
    Argument(&'static str),
    /// The operating system gives no random bytes.
    Random,
}

impl From<BadPoint> for Error {
    fn from(bad: BadPoint) -> Self {
        Error::Point(bad)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Point(bad) => match bad.reason {
                Reason::Encoding => write!(f, "element {} is not a canonical encoding", bad.index),
                Reason::Identity => write!(f, "element {} is the identity", bad.index),
                Reason::Repeated => write!(f, "element {} repeats an earlier one", bad.index),
            },
            Error::Proof => f.write_str("the proof does not hold"),
            Error::Argument(what) => f.write_str(what),
            Error::Random => f.write_str("the operating system gives no random bytes"),
        }
    }
}

impl std::error::Error for Error {}
