//! Who is meant by a query.

use super::{Reader, Result, Texts, fields};
use crate::wire::WireError;
use crate::wire::msgpack::{put_map, put_str};

const NODES: u8 = 0;
const TAG: u8 = 1;

/// One condition that a member has to meet to be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter<'a> {
    /// Its name is one of these.
    Nodes(Texts<'a>),
    /// The value of a tag, or an empty text in its place, matches a regular expression somewhere.
    Tag {
        /// The tag.
        tag: &'a str,
        /// The expression, in the syntax of RE2.
        expr: &'a str,
    },
}

impl<'a> Filter<'a> {
    /// Decodes one filter of a query.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let (first, body) = bytes.split_first().ok_or(WireError::Truncated)?;
        let mut reader = Reader::new(body);
        match *first {
            NODES => Ok(Self::Nodes(Texts::read(&mut reader)?)),
            TAG => {
                let (mut tag, mut expr) = ("", "");
                fields(&mut reader, &["Tag", "Expr"], |field, value| {
                    match field {
                        "Tag" => tag = value.str()?,
                        _ => expr = value.str()?,
                    }
                    Ok(())
                })?;
                Ok(Self::Tag { tag, expr })
            }
            _ => Err(WireError::BadType),
        }
    }

    /// Appends the filter.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nodes(names) => {
                out.push(NODES);
                names.put(out);
            }
            Self::Tag { tag, expr } => {
                out.push(TAG);
                put_map(out, 2);
                put_str(out, "Expr", expr);
                put_str(out, "Tag", tag);
            }
        }
    }
}
